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

	page_set_type(page, PAGE_BUDDY);
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

void __buddy_remove(struct zone *z, pfn_t pfn)
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
	page_clear(page);
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
	return page_type(page) == PAGE_BUDDY && page->order == order;
}

static void free_block(struct zone *z, const struct span *s, pfn_t pfn,
		       unsigned order, bool dirty)
{
	while (order < MAX_PAGE_ORDER) {
		pfn_t buddy = pfn ^ (1U << order);

		if (!is_free_block(s, buddy, order))
			break;
		dirty |= pfn_to_page(buddy)->dirty;
		__buddy_remove(z, buddy);
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
			__buddy_remove(z, pfn);
			split(z, pfn, o, order, dirty);
			return pfn;
		}
	}
	return 0;
}

/* A place for a run: how many of its blocks are dirty, how much is around. */
struct place {
	pfn_t pfn;
	size_t dirty, room;
};

/* Dirty memory first, then the hole that fits best, then the lowest. */
static bool is_better(const struct place *a, const struct place *b)
{
	if (!b->pfn || a->dirty != b->dirty)
		return !b->pfn || a->dirty > b->dirty;
	return a->room < b->room;
}

/* The hole of free blocks of the largest order that starts at @pfn. */
static struct place measure_hole(const struct span *s, pfn_t pfn, size_t want)
{
	struct place p = { .pfn = pfn };

	for (; is_free_block(s, pfn, MAX_PAGE_ORDER); pfn += MAX_ORDER_PAGES)
		if (p.room++ < want)
			p.dirty += pfn_to_page(pfn)->dirty;
	return p;
}

static void find_blocks(const struct span *s, size_t want, struct place *best)
{
	pfn_t pfn = (pfn_t)align_up(s->start, MAX_ORDER_PAGES);

	while (pfn + MAX_ORDER_PAGES <= s->grown) {
		struct place p = measure_hole(s, pfn, want);

		if (p.room >= want && is_better(&p, best))
			*best = p;
		pfn += (pfn_t)(p.room + 1) * MAX_ORDER_PAGES;
	}
}

pfn_t __buddy_take_run(struct zone *z, size_t nr_blocks)
{
	const struct free_area *a = &z->area[MAX_PAGE_ORDER];
	struct place best = { 0 };

	if ((size_t)a->nr[0] + a->nr[1] < nr_blocks)
		return 0;
	for (unsigned i = 0; i < z->nr_spans; i++)
		find_blocks(&z->span[i], nr_blocks, &best);
	for (size_t b = 0; best.pfn && b < nr_blocks; b++)
		__buddy_remove(z, best.pfn + (pfn_t)b * MAX_ORDER_PAGES);
	return best.pfn;
}
