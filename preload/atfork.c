// SPDX-License-Identifier: MIT
/*
 * preload/atfork.c - handlers of fork, with ours before all others
 *
 * The last to be registered is the first to prepare. One that waits for threads
 * to end, as OpenBLAS does with its workers, must not find malloc's locks held:
 * so ours are registered first, as soon as anybody else has some. This is what
 * pthread_atfork() calls, which every library has for itself.
 */
#include "api/api.h"
#include "next.h"

typedef int register_fn(void (*prepare)(void), void (*parent)(void),
			void (*child)(void), void *dso);

extern void *__dso_handle;
register_fn __register_atfork;

__public int __register_atfork(void (*prepare)(void), void (*parent)(void),
			       void (*child)(void), void *dso)
{
	static void *found;
	register_fn *fn =
		(register_fn *)next_function(&found, "__register_atfork");

	if (dso != &__dso_handle)
		api_watch_forks();
	return fn(prepare, parent, child, dso);
}
