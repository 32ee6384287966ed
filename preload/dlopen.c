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
#include "next.h"

__public void *dlopen(const char *file, int mode)
{
	next_find_all();
	return NEXT(dlopen)(file, mode & ~RTLD_DEEPBIND);
}
