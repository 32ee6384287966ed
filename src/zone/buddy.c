// SPDX-License-Identifier: MIT
/*
 * zone/buddy.c - the binary buddy system of one zone
 *
 * Owns the free lists. Free blocks are linked through their descriptors, so
 * free memory is never written. A merged block is dirty if either half is; a
 * half of a dirty block counts as dirty although it may hold no dirty page.
 * Dirty blocks are taken before clean ones: memory that is there is used first.
 *
 * All functions expect zone->lock to be held.
 * Source: Knowlton's buddy system; Knuth, TAOCP 1, section 2.5.
 */
#include "zone/zone.h"

static void link_block(struct zone *z, pfn_t pfn, unsigned order, bool dirty)
{
	struct free_area *a = &z->area[order];
	struct page *page = pfn_to_page(pfn);

	page->type = PAGE_BUDDY;
	page->order = (uint8_t)order;
	page->dirty = dirty;
	page->nr = 0;
	page->prev = 0;
	page->next = a->head[dirty];
	if (page->next)
		pfn_to_page(page->next)->prev = pfn;
	a->head[dirty] = pfn;
	a->nr[dirty]++;
	z->nr_free += 1UL << order;
}

static void unlink_block(struct zone *z, pfn_t pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct free_area *a = &z->area[page->order];

	if (page->next)
		pfn_to_page(page->next)->prev = page->prev;
	if (page->prev)
		pfn_to_page(page->prev)->next = page->next;
	else
		a->head[page->dirty] = page->next;
	a->nr[page->dirty]--;
	z->nr_free -= 1UL << page->order;
	*page = (struct page){ 0 };
}

void __buddy_remove(struct zone *z, pfn_t pfn)
{
	unlink_block(z, pfn);
}

const struct span *zone_span(const struct zone *z, pfn_t pfn)
{
	for (unsigned i = 0; i < z->nr_spans; i++)
		if (pfn >= z->span[i].start && pfn < z->span[i].end)
			return &z->span[i];
	bug("internal error: page %x is in no span", pfn);
}

static bool is_free_block(const struct span *s, pfn_t pfn, unsigned order)
{
	const struct page *page;

	if (pfn < s->start || pfn + (1U << order) > s->grown)
		return false;
	page = pfn_to_page(pfn);
	return page->type == PAGE_BUDDY && page->order == order;
}

static void free_block(struct zone *z, const struct span *s, pfn_t pfn,
		       unsigned order, bool dirty)
{
	while (order < MAX_PAGE_ORDER) {
		pfn_t buddy = pfn ^ (1U << order);

		if (!is_free_block(s, buddy, order))
			break;
		dirty |= pfn_to_page(buddy)->dirty;
		unlink_block(z, buddy);
		counter_add(&z->stats, STAT_buddy_merge, 1);
		pfn &= ~(1U << order);
		order++;
	}
	link_block(z, pfn, order, dirty);
}

static bool any_present(pfn_t pfn, size_t nr)
{
	const pte_t *pte = pfn_to_pte(pfn);

	for (size_t i = 0; i < nr; i++)
		if ((pte[i] & PTE_STATE_MASK) != PTE_UNTOUCHED)
			return true;
	return false;
}

/* Cut a run into the largest aligned blocks and free each. */
void __buddy_free(struct zone *z, const struct span *s, pfn_t pfn, size_t nr)
{
	while (nr) {
		unsigned order = min_size(ilog2(nr), MAX_PAGE_ORDER);

		if (pfn & (MAX_ORDER_PAGES - 1))
			order = min_size(order, (unsigned)__builtin_ctz(pfn));
		free_block(z, s, pfn, order, any_present(pfn, 1UL << order));
		pfn += 1U << order;
		nr -= 1UL << order;
	}
}

/* Halve a block until it has the wanted order; the upper halves go back. */
static void split(struct zone *z, pfn_t pfn, unsigned from, unsigned to,
		  bool dirty)
{
	while (from > to) {
		from--;
		link_block(z, pfn + (1U << from), from, dirty);
		counter_add(&z->stats, STAT_buddy_split, 1);
	}
}

pfn_t __buddy_take(struct zone *z, unsigned order)
{
	for (int dirty = FREE_DIRTY; dirty >= FREE_CLEAN; dirty--) {
		for (unsigned o = order; o < NR_ORDERS; o++) {
			pfn_t pfn = z->area[o].head[dirty];

			if (!pfn)
				continue;
			unlink_block(z, pfn);
			split(z, pfn, o, order, dirty);
			return pfn;
		}
	}
	return 0;
}

/* Lowest run of adjacent free blocks of the largest order in one span. */
static pfn_t find_blocks(const struct span *s, size_t nr_blocks)
{
	pfn_t pfn = (pfn_t)align_up(s->start, MAX_ORDER_PAGES), start = pfn;

	for (; pfn + MAX_ORDER_PAGES <= s->grown; pfn += MAX_ORDER_PAGES) {
		if (!is_free_block(s, pfn, MAX_PAGE_ORDER)) {
			start = pfn + MAX_ORDER_PAGES;
			continue;
		}
		if (pfn + MAX_ORDER_PAGES - start ==
		    nr_blocks * MAX_ORDER_PAGES)
			return start;
	}
	return 0;
}

pfn_t __buddy_take_run(struct zone *z, size_t nr_blocks)
{
	const struct free_area *a = &z->area[MAX_PAGE_ORDER];

	if ((size_t)a->nr[0] + a->nr[1] < nr_blocks)
		return 0;
	for (unsigned i = 0; i < z->nr_spans; i++) {
		pfn_t pfn = find_blocks(&z->span[i], nr_blocks);

		if (!pfn)
			continue;
		for (size_t b = 0; b < nr_blocks; b++)
			unlink_block(z, pfn + (pfn_t)b * MAX_ORDER_PAGES);
		return pfn;
	}
	return 0;
}
