/* SPDX-License-Identifier: MIT */
/*
 * map/memmap.h - from an address to what describes it
 *
 * The first window is translated by one compare (level 0, see slab/slab.h);
 * everything else by the thread's TLB, then by the page table.
 */
#ifndef MM_MAP_MEMMAP_H
#define MM_MAP_MEMMAP_H

#include "map/page.h"
#include "map/pgtable.h"
#include "map/tlb.h"

/** map_add_window - enter a window into the page table; 0 or -errno */
int map_add_window(struct window *w);

/** map_cut_window - the first window ends earlier now */
void map_cut_window(void);

/**
 * map_find - what an address belongs to
 * @tlb: the caller's, or NULL to walk the page table
 *
 * Returns NULL for an address that is not ours.
 */
struct mapping *map_find(struct tlb *tlb, uintptr_t addr);

/** mapping_window - the window of a mapping of kind MAPPING_WINDOW */
static inline struct window *mapping_window(const struct mapping *m)
{
	return m->window;
}

/** map_window - the window that holds an address, or NULL */
struct window *map_window(struct tlb *tlb, uintptr_t addr);

#endif
