/* SPDX-License-Identifier: MIT */
/*
 * larger.c - a heap that is larger than the machine's memory
 *
 * usage: larger MIB [CHILDREN]
 *
 * With children each of them has such a heap, all at the same time.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "../swap/heap.h"

#define BLOCK (256 * KIB)

static int use_heap(size_t mib)
{
	struct heap h;

	heap_make(&h, (unsigned)(mib * MIB / BLOCK), BLOCK);
	CHECK(!heap_wrong(&h));
	return check_result();
}

/* One that grows as it is written. */
static int grow_heap(size_t mib)
{
	size_t nr = mib * MIB / BLOCK;
	struct heap *h = calloc(nr, sizeof(*h));

	for (size_t i = 0; i < nr; i++)
		heap_make(&h[i], 1, BLOCK);
	for (size_t i = 0; i < nr; i++)
		CHECK(!heap_wrong(&h[i]));
	return check_result();
}

/* As a shell says it: 128 and the signal that ended it. */
static int worst_of_children(void)
{
	int status, worst = 0;

	while (wait(&status) > 0) {
		int s = WIFEXITED(status) ? WEXITSTATUS(status)
					  : 128 + WTERMSIG(status);

		worst = s > worst ? s : worst;
	}
	return worst;
}

int main(int argc, char **argv)
{
	size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	int children = argc > 2 ? atoi(argv[2]) : 0;

	if (!mib) {
		fprintf(stderr, "usage: larger MIB [CHILDREN]\n");
		return 2;
	}
	if (!children)
		return use_heap(mib);
	for (int i = 0; i < children; i++)
		if (!fork())
			return grow_heap(mib);
	return worst_of_children();
}
