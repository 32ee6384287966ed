/* SPDX-License-Identifier: MIT */
/* preload/next.h - the function that one of ours stands in front of */
#ifndef MM_PRELOAD_NEXT_H
#define MM_PRELOAD_NEXT_H

#include <dlfcn.h>
#include "base/compiler.h"

/** next_function - libc's, as a rule; found once, and kept in @found */
static inline void *next_function(void **found, const char *name)
{
	void *fn = READ_ONCE(*found);

	if (!fn) {
		fn = dlsym(RTLD_NEXT, name);
		WRITE_ONCE(*found, fn);
	}
	return fn;
}

#endif
