// SPDX-License-Identifier: MIT
/*
 * preload/dlopen.c - libc's dlopen, without RTLD_DEEPBIND
 *
 * With it a module looks for malloc and free in its own libraries first, and so
 * finds libc's: it would free there what the program has from here, and the
 * other way round. php loads its extensions in this way. It is a jump, not a
 * call: libc searches for the file on behalf of whose return address it finds.
 */
#include <dlfcn.h>
#include "base/compiler.h"

typedef void *dlopen_fn(const char *file, int mode);

__public void *dlopen(const char *file, int mode)
{
	static dlopen_fn *libcs;
	dlopen_fn *fn = READ_ONCE(libcs);

	if (!fn) {
		*(void **)&fn = dlsym(RTLD_NEXT, "dlopen");
		WRITE_ONCE(libcs, fn);
	}
	return fn(file, mode & ~RTLD_DEEPBIND);
}
