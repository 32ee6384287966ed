/* SPDX-License-Identifier: MIT */
/*
 * base/bits.h - rounding, logarithms and the page constants
 *
 * PAGE_SIZE is the granule of all our books, 4 KiB everywhere. The page size
 * of the machine may be larger; it is read at run time (os_page_size) and
 * matters only where the kernel is asked to commit or purge.
 */
#ifndef MM_BASE_BITS_H
#define MM_BASE_BITS_H

#include "base/compiler.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define KIB(n)	   ((size_t)(n) << 10)
#define MIB(n)	   ((size_t)(n) << 20)
#define GIB(n)	   ((size_t)(n) << 30)

/** round @x up to a multiple of @a, a power of two; wraps near SIZE_MAX */
static inline size_t align_up(size_t x, size_t a)
{
	return (x + a - 1) & ~(a - 1);
}

static inline size_t align_down(size_t x, size_t a)
{
	return x & ~(a - 1);
}

static inline bool is_power_of_2(size_t x)
{
	return x && !(x & (x - 1));
}

/** floor(log2(x)), x > 0 */
static inline unsigned ilog2(size_t x)
{
	return 63 - (unsigned)__builtin_clzl(x);
}

/** ceil(log2(x)), x > 0 */
static inline unsigned order_up(size_t x)
{
	return x <= 1 ? 0 : ilog2(x - 1) + 1;
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif
