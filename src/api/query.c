// SPDX-License-Identifier: MIT
/*
 * api/query.c - what is known about the page of an address
 *
 * Reads descriptors without waiting for a lock: the answer is that of a moment.
 * Pages are never touched.
 */
#include <errno.h>
#include "api/init.h"

static const enum mm_page_state state_of_pte[] = {
	[PTE_UNTOUCHED] = MM_PAGE_UNTOUCHED, [PTE_PRESENT] = MM_PAGE_PRESENT,
	[PTE_PINNED] = MM_PAGE_PINNED,	     [PTE_STAGED] = MM_PAGE_STAGED,
	[PTE_SWAPPED] = MM_PAGE_SWAPPED,     [PTE_MOVING] = MM_PAGE_PRESENT,
	[PTE_PACKING] = MM_PAGE_STAGED,	     [PTE_FILLING] = MM_PAGE_SWAPPED,
};

static void query_pte(const pte_t *pte, struct mm_page_info *info)
{
	pte_t v = pte_read(pte);

	info->state = state_of_pte[pte_state(v)];
	info->slot = pte_state(v) == PTE_SWAPPED ? pte_value(v) : 0;
}

static void query_vma(struct vma *v, uintptr_t addr, struct mm_page_info *info)
{
	uintptr_t page = align_down(addr, os_page_size());
	bool busy = tcache.busy;

	if (addr - v->mapping.start >= v->held)
		return;
	info->state = MM_PAGE_UNTOUCHED;
	tcache.busy = true; /* who interrupts us may not want the lock, too */
	/* who frees the block takes it before the entries go */
	if (READ_ONCE(v->mapping.ptes) && lock_try(&scan_lock)) {
		if (map_find(NULL, addr) == &v->mapping && v->mapping.ptes)
			query_pte(map_pte(addr), info);
		lock_release(&scan_lock);
	}
	tcache.busy = busy;
	if (os_resident((void *)page, 1))
		info->state = READ_ONCE(v->nr_pins) ? MM_PAGE_PINNED
						    : MM_PAGE_PRESENT;
	info->kind = MM_KIND_VMA;
	info->zone = MM_ZONE_HIGHMEM;
	info->node = (int)nodes[v->nid].phys;
	info->block = (void *)v->mapping.start;
	info->block_size = v->held;
}

static void query_slab(const struct slab *s, const void *p,
		       struct mm_page_info *info)
{
	info->kind = MM_KIND_SLAB;
	info->owner = slot_owner(slot_of(s));
	info->block = slab_object(slot_of(s), p);
	info->block_size = class_bytes[s->class];
}

/* Head of the block, free or not, that holds a page. */
static pfn_t block_head(const struct span *s, pfn_t pfn)
{
	while (pfn > s->start && page_type(pfn_to_page(pfn)) == PAGE_TAIL)
		pfn--;
	return pfn;
}

static void query_run(const struct span *s, pfn_t pfn,
		      struct mm_page_info *info)
{
	pfn_t head = block_head(s, pfn);
	const struct page *page = pfn_to_page(head);

	info->kind = MM_KIND_FREE;
	switch (page_type(page)) {
	case PAGE_BUDDY:
		info->order = page->order;
		break;
	case PAGE_PCP:
		info->kind = MM_KIND_PCP;
		break;
	case PAGE_LARGE:
		info->kind = MM_KIND_LARGE;
		info->block = pfn_to_addr(head);
		info->block_size = (size_t)page->nr << PAGE_SHIFT;
		break;
	default:
		break; /* being purged, or just changing hands */
	}
}

static void query_window(const struct window *w, const void *p,
			 struct mm_page_info *info)
{
	pfn_t pfn = addr_to_pfn(w, p);
	const struct span *s = page_span(pfn);
	const struct slab *slab;

	/* reserved for a zone, but not part of it yet */
	if (!s)
		return;
	info->zone = (enum mm_zone_type)page_zone(pfn)->type;
	info->node = (int)nodes[page_zone(pfn)->nid].phys;
	info->kind = MM_KIND_FREE;
	query_pte(pfn_to_pte(pfn), info);
	slab = slab_of(w, p);
	if (slab)
		query_slab(slab, p, info);
	else
		query_run(s, pfn, info);
}

__public int mm_page_query(const void *ptr, struct mm_page_info *info)
{
	struct mapping *m;

	if (!info)
		return -EINVAL;
	*info = (struct mm_page_info){ .node = -1, .order = -1 };
	m = map_find(NULL, (uintptr_t)ptr);
	if (!m)
		return 0;
	if (m->kind == MAPPING_VMA)
		query_vma(mapping_vma(m), (uintptr_t)ptr, info);
	else
		query_window(mapping_window(m), ptr, info);
	return 0;
}

__public const char *mm_version(void)
{
	return "0.1.0";
}
