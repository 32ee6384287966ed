// SPDX-License-Identifier: MIT
/*
 * preload/atfork.c - handlers of fork, with ours before all others
 *
 * The last to be registered is the first to prepare. One that waits for threads
 * to end, as OpenBLAS does with its workers, must not find malloc's locks held:
 * so ours are registered first, as soon as anybody else has some. This is what
 * pthread_atfork() calls, which every library has for itself.
 */
#include <dlfcn.h>
#include "api/api.h"

typedef int register_fn(void (*prepare)(void), void (*parent)(void),
			void (*child)(void), void *dso);

extern void *__dso_handle;
register_fn __register_atfork;

__public int __register_atfork(void (*prepare)(void), void (*parent)(void),
			       void (*child)(void), void *dso)
{
	static register_fn *libcs;
	register_fn *fn = READ_ONCE(libcs);

	if (!fn) {
		*(void **)&fn = dlsym(RTLD_NEXT, "__register_atfork");
		WRITE_ONCE(libcs, fn);
	}
	if (dso != &__dso_handle)
		api_watch_forks();
	return fn(prepare, parent, child, dso);
}
