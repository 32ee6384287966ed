// SPDX-License-Identifier: MIT
/*
 * map/memmap.c - the windows' places in the page table
 */
#include "map/memmap.h"

static struct window_mapping entries[MAX_WINDOWS];

int map_add_window(struct window *w)
{
	struct window_mapping *e = &entries[w->id];

	e->window = w;
	e->mapping.ptes = w->ptes;
	mapping_init(&e->mapping, w->base,
		     w->base + (w->nr_pages << PAGE_SHIFT), MAPPING_WINDOW);
	/* the first window is found by its range; see map_find() */
	return w->id ? pgtable_map(&mm_pgtable, &e->mapping) : 0;
}

void map_cut_window(void)
{
	struct mapping *m = &entries[0].mapping;

	mapping_init(m, m->start, m->start + windows[0].size, MAPPING_WINDOW);
}

struct mapping *map_find(struct tlb *tlb, uintptr_t addr)
{
	if (addr - windows[0].base < windows[0].size)
		return &entries[0].mapping;
	return tlb ? tlb_find(tlb, addr) : pgtable_find(&mm_pgtable, addr);
}

struct window *map_window(struct tlb *tlb, uintptr_t addr)
{
	struct mapping *m = map_find(tlb, addr);

	if (!m || m->kind != MAPPING_WINDOW)
		return NULL;
	return mapping_window(m);
}
