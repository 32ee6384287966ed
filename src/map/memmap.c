// SPDX-License-Identifier: MIT
/*
 * map/memmap.c - the windows' places in the page table
 */
#include "map/memmap.h"

static struct mapping entries[MAX_WINDOWS];

int map_add_window(struct window *w)
{
	struct mapping *m = &entries[w->id];

	m->window = w;
	m->ptes = w->ptes;
	mapping_init(m, w->base, w->base + (w->nr_pages << PAGE_SHIFT),
		     MAPPING_WINDOW);
	/* the first window is found by its range; see map_find() */
	return w->id ? pgtable_map(&mm_pgtable, m) : 0;
}

void map_cut_window(void)
{
	struct mapping *m = &entries[0];

	mapping_init(m, m->start, m->start + windows[0].size, MAPPING_WINDOW);
}

struct mapping *map_find(struct tlb *tlb, uintptr_t addr)
{
	if (addr - windows[0].base < windows[0].size)
		return &entries[0];
	return tlb ? tlb_find(tlb, addr) : pgtable_find(&mm_pgtable, addr);
}

struct window *map_window(struct tlb *tlb, uintptr_t addr)
{
	struct mapping *m = map_find(tlb, addr);

	return m && m->kind == MAPPING_WINDOW ? mapping_window(m) : NULL;
}
