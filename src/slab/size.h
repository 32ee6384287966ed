/* SPDX-License-Identifier: MIT */
/*
 * slab/size.h - size classes, and the lists of free objects
 *
 *   class 1..32   16, 32, .. 512 bytes: every multiple of 16
 *   class 33..64  eight per doubling, as even as multiples of 64 that fill a
 *                 slab well can be; a little more than a page, which many
 *                 programs ask for, has a class of its own
 *   class 65..70  a slab cut into 7, 6, 5, 4, 3 or 2 objects
 *
 * Class 0 is no class. Waste inside an object is below 16 bytes up to 512, at
 * most 11.8 % up to 8192, and above that mostly pages that are never touched.
 * bench/run --only mixed: blocks of 8 to 16 KiB are three times as fast from
 * slabs as from runs of pages.
 *
 *   list 1..64    requests of so many steps of 16 bytes, up to 1024
 *   list 65..94   requests of the classes above
 *
 * A thread's lists have more numbers than there are classes, so that the fast
 * path finds one by a shift up to 1024 bytes. Above 512, several lists hold
 * objects of one class.
 */
#ifndef MM_SLAB_SIZE_H
#define MM_SLAB_SIZE_H

#include "base/bits.h"

#define FINE_STEP  16UL
#define NR_FINE	   32U /* classes of the fine grid */
#define FINE_MAX   (NR_FINE * FINE_STEP)
#define NR_MEDIUM  64U /* last class of the regular grids */
#define MEDIUM_MAX 8192UL
#define NR_CLASSES 71U
#define SMALL_MAX  32768UL

#define STEP_MAX   1024UL
#define NR_STEPS   64U
#define STEP_CLASS 40U /* the class of STEP_MAX */
#define SHARE_MAX  3U  /* objects that one of several lists takes at once */
#define NR_LISTS   (NR_STEPS + NR_CLASSES - STEP_CLASS)

extern const uint16_t class_bytes[NR_CLASSES] __hidden;
extern const uint32_t class_magic[NR_CLASSES] __hidden; /* 2^32 / bytes, up */

/* The first class that some size of a step of 64 bytes fits in; slub.c. */
extern const uint8_t medium_classes[MEDIUM_MAX / 64] __hidden;

/** medium_class - class of a size; FINE_MAX < n <= MEDIUM_MAX */
static inline unsigned medium_class(size_t n)
{
	unsigned class = medium_classes[(n - 1) / 64];

	return class + (n > class_bytes[class]);
}

/* The few classes above MEDIUM_MAX: the first that is large enough. */
static inline unsigned large_size_class(size_t n)
{
	unsigned class = NR_MEDIUM + 1;

	while (class_bytes[class] < n)
		class ++;
	return class;
}

/** size_steps - steps of 16 bytes that hold a size */
static inline size_t size_steps(size_t n)
{
	return (n + FINE_STEP - 1) / FINE_STEP;
}

/** size_class - class of a size; 1 <= n <= SMALL_MAX */
static inline unsigned size_class(size_t n)
{
	if (n <= FINE_MAX)
		return (unsigned)size_steps(n);
	if (n > MEDIUM_MAX)
		return large_size_class(n);
	return medium_class(n);
}

/** size_list - list for a size; 1 <= n <= SMALL_MAX */
static inline unsigned size_list(size_t n)
{
	if (n <= STEP_MAX)
		return (unsigned)size_steps(n);
	return size_class(n) - STEP_CLASS + NR_STEPS;
}

/** class_is_shared - do several lists hold objects of a class */
static inline bool class_is_shared(unsigned class)
{
	return class > NR_FINE && class <= STEP_CLASS;
}

/** list_class - class of the objects on a list; 1 <= list < NR_LISTS */
static inline unsigned list_class(unsigned list)
{
	if (list > NR_STEPS)
		return list - NR_STEPS + STEP_CLASS;
	return list > NR_FINE ? medium_class(list * FINE_STEP) : list;
}

/**
 * class_is_aligned - do all objects of a class lie at multiples of @align
 * @align: a power of two up to PAGE_SIZE
 *
 * Slabs are aligned, but the first object of a slab that the class does not
 * fill starts at some multiple of 64. The last class is always aligned.
 */
static inline bool class_is_aligned(unsigned class, size_t align)
{
	size_t bytes = class_bytes[class];

	return !(bytes & (align - 1)) && (align <= 64 || is_power_of_2(bytes));
}

#endif
