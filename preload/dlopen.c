// SPDX-License-Identifier: MIT
/*
 * preload/dlopen.c - libc's dlopen, without RTLD_DEEPBIND
 *
 * With it a module looks for malloc and free in its own libraries first, and so
 * finds libc's: it would free there what the program has from here, and the
 * other way round. php loads its extensions in this way. It is a jump, not a
 * call: libc searches for the file on behalf of whose return address it finds.
 */
#include "next.h"

typedef void *dlopen_fn(const char *file, int mode);

__public void *dlopen(const char *file, int mode)
{
	static void *found;
	dlopen_fn *fn = (dlopen_fn *)next_function(&found, "dlopen");

	return fn(file, mode & ~RTLD_DEEPBIND);
}
