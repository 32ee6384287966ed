// SPDX-License-Identifier: MIT
/*
 * preload/atfork.c - handlers of fork, with ours before all others; _Fork()
 *
 * The last to be registered is the first to prepare. One that waits for threads
 * to end, as OpenBLAS does with its workers, must not find malloc's locks held:
 * so ours are registered first, as soon as anybody else has some. This is what
 * pthread_atfork() calls, which every library has for itself.
 *
 * _Fork() calls no handlers, but ours have to run if memory is out.
 */
#include <unistd.h>
#include "api/api.h"
#include "next.h"

extern void *__dso_handle;
int __register_atfork(void (*prepare)(void), void (*parent)(void),
		      void (*child)(void), void *dso);
pid_t _Fork(void);

__public int __register_atfork(void (*prepare)(void), void (*parent)(void),
			       void (*child)(void), void *dso)
{
	if (dso != &__dso_handle)
		api_watch_forks();
	return NEXT(__register_atfork)(prepare, parent, child, dso);
}

__public pid_t _Fork(void)
{
	pid_t (*fn)(void) = NEXT(_Fork);
	bool ours = fn && api_fork_prepare();
	pid_t pid = fn ? fn() : fork(); /* new in glibc 2.34 */

	if (ours)
		api_fork_done(pid);
	return pid;
}
