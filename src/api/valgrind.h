/* SPDX-License-Identifier: MIT */
/*
 * api/valgrind.h - telling memcheck what is a block and what is not
 *
 * Under memcheck every call takes the slow path (as with check=on), where free
 * objects are linked through themselves; memcheck must not report that. Other
 * tools of Valgrind, such as callgrind, see the paths that a program takes.
 */
#ifndef MM_API_VALGRIND_H
#define MM_API_VALGRIND_H

#include <valgrind/memcheck.h>
#include "api/init.h"

static inline void valgrind_init(void)
{
	char byte = 0, bits;

	/* memcheck alone knows which bits are defined */
	on_valgrind = VALGRIND_GET_VBITS(&byte, &bits, 1) != 0;
}

static inline void valgrind_enter(void)
{
	if (unlikely(on_valgrind))
		VALGRIND_DISABLE_ERROR_REPORTING;
}

static inline void valgrind_leave(void)
{
	if (unlikely(on_valgrind))
		VALGRIND_ENABLE_ERROR_REPORTING;
}

/* The block is @n bytes; what its object or pages have beyond is not his. */
static inline void valgrind_block(void *p, size_t n, bool zero)
{
	if (likely(!on_valgrind))
		return;
	VALGRIND_MAKE_MEM_NOACCESS(p, api_usable_size(p));
	VALGRIND_MALLOCLIKE_BLOCK(p, n, 0, zero);
}

static inline void valgrind_free(void *p)
{
	if (unlikely(on_valgrind))
		VALGRIND_FREELIKE_BLOCK(p, 0);
}

#endif
