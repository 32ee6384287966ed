/* SPDX-License-Identifier: MIT */
/*
 * slab/size.h - size classes
 *
 *   class 1..32   16, 32, .. 512 bytes: every multiple of 16
 *   class 33..64  eight per doubling: 576, 640, .. 1024, 1152, .. 8192
 *
 * Class 0 is no class. Waste inside an object is below 16 bytes up to 512 and
 * at most 11.1 % above.
 */
#ifndef MM_SLAB_SIZE_H
#define MM_SLAB_SIZE_H

#include "base/bits.h"

#define FINE_STEP  16UL
#define NR_FINE	   32U /* classes of the fine grid */
#define FINE_MAX   (NR_FINE * FINE_STEP)
#define NR_CLASSES 65U
#define SMALL_MAX  8192UL

extern const uint16_t class_bytes[NR_CLASSES] __hidden;

/** size_class - class of a size; 1 <= n <= SMALL_MAX */
static inline unsigned size_class(size_t n)
{
	unsigned log;

	if (n <= FINE_MAX)
		return (unsigned)((n + FINE_STEP - 1) / FINE_STEP);
	log = ilog2(n - 1);
	return NR_FINE + 1 + (log - 9) * 8 +
	       (unsigned)((n - 1) >> (log - 3) & 7);
}

#endif
