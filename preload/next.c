// SPDX-License-Identifier: MIT
/*
 * preload/next.c - where libc's own functions are; dlopen()
 *
 * Each is looked for when it is first called, as dlsym() costs a small program
 * pages of the loader's; but all before the first dlopen(). That has the
 * loader's lock while constructors run, and they may wait for a thread that is
 * looking for one.
 */
#include <dlfcn.h>
#include "next.h"

#define NEXT_NAME(name) #name,
/* no pointers, which the loader would have to relocate in every program */
static const char names[NR_NEXT][24] = { NEXT_FUNCTIONS(NEXT_NAME) };
static void *found[NR_NEXT];

#define NEXT_FITS(name) static_assert(sizeof(#name) <= sizeof(names[0]), #name);
NEXT_FUNCTIONS(NEXT_FITS)

void *next_function(enum next which)
{
	void *fn = READ_ONCE(found[which]);

	if (!fn) {
		fn = dlsym(RTLD_NEXT, names[which]);
		WRITE_ONCE(found[which], fn);
		if (!fn)
			dlerror(); /* the program has not asked */
	}
	return fn;
}

/*
 * Without RTLD_DEEPBIND. With it a module looks for malloc and free in its own
 * libraries first, and so finds libc's: it would free there what the program
 * has from here, and the other way round. php loads its extensions in this way.
 * It is a jump, not a call: libc searches for the file on behalf of whose
 * return address it finds.
 */
__public void *dlopen(const char *file, int mode)
{
	for (enum next i = 0; i < NR_NEXT; i++)
		next_function(i);
	return NEXT(dlopen)(file, mode & ~RTLD_DEEPBIND);
}
