/* SPDX-License-Identifier: MIT */
/*
 * renamed.h - the malloc family under names that a sanitizer leaves alone
 *
 * Included before everything else into preload/ and into a test, so that the
 * sanitizer's own malloc serves the sanitizer, and libmm the test.
 */
#ifndef TESTS_RENAMED_H
#define TESTS_RENAMED_H

#define malloc		    mm_malloc
#define free		    mm_free
#define calloc		    mm_calloc
#define realloc		    mm_realloc
#define reallocarray	    mm_reallocarray
#define memalign	    mm_memalign
#define aligned_alloc	    mm_aligned_alloc
#define posix_memalign	    mm_posix_memalign
#define valloc		    mm_valloc
#define pvalloc		    mm_pvalloc
#define cfree		    mm_cfree
#define malloc_usable_size  mm_malloc_usable_size
#define malloc_trim	    mm_malloc_trim
#define __libc_malloc	    mm___libc_malloc
#define __libc_free	    mm___libc_free
#define __libc_cfree	    mm___libc_cfree
#define __libc_calloc	    mm___libc_calloc
#define __libc_realloc	    mm___libc_realloc
#define __libc_reallocarray mm___libc_reallocarray
#define __libc_memalign	    mm___libc_memalign
#define __libc_valloc	    mm___libc_valloc
#define __libc_pvalloc	    mm___libc_pvalloc
#define __posix_memalign    mm___posix_memalign

#endif
