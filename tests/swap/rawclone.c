// SPDX-License-Identifier: MIT
/*
 * rawclone.c - a child that clone() itself makes, behind libc's back
 *
 * No handler runs, so it has no service of its own: it gets a copy of what is
 * out. The kernel tells of such forks only who may trace others.
 */
#include <signal.h>
#include <sys/wait.h>

#include "heap.h"

#define CHILDREN 20

int main(void)
{
	struct heap h;

	if (!swap_possible_for_root("to be told of forks"))
		return SKIP;
	heap_make(&h, 600, 32 * KIB);
	usleep(300000);
	for (unsigned i = 0; i < CHILDREN; i++) {
		int status = 0;
		pid_t pid;

		heap_evict(&h);
		pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (!pid)
			syscall(SYS_exit_group, heap_wrong(&h) != 0);
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && !status);
		CHECK(!heap_wrong(&h));
		heap_write(&h, i + 2);
	}
	return check_result();
}
