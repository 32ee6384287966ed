// SPDX-License-Identifier: MIT
/*
 * faults.c - a heap that is swapped, where the store may have faults
 *
 * Run by store_faults.py, which looks at what libmm says; this program looks at
 * the data only.
 */
#include <sys/wait.h>

#include "heap.h"

/* As programs do that change their title. The store may want to know of it. */
static void move_environment(void)
{
	char **to;
	size_t nr = 0;

	while (environ[nr])
		nr++;
	to = malloc((nr + 1) * sizeof(*to));
	CHECK(to);
	for (size_t i = 0; i < nr; i++) {
		to[i] = strdup(environ[i]);
		CHECK(to[i]);
		heap_advise(to[i], 1, MM_COLD);
	}
	to[nr] = NULL;
	environ = to;
	heap_advise(to, 1, MM_COLD);
}

int main(void)
{
	struct heap h;
	int status = 0;
	pid_t pid;

	move_environment();
	heap_make(&h, 24, 1 * MIB);
	for (unsigned v = 2; v < 6; v++) {
		heap_evict(&h);
		CHECK(!heap_wrong(&h));
		heap_write(&h, v);
		usleep(50000);
	}
	heap_evict(&h);
	pid = fork();
	if (!pid)
		_exit(heap_wrong(&h) != 0);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && !status);
	CHECK(!heap_wrong(&h));
	return check_result();
}
