// SPDX-License-Identifier: MIT
/*
 * zone/validate.c - do the invariants of a zone hold?
 *
 * The free blocks are looked for twice: along the lists, and in the order of
 * their addresses. Both must find the same.
 */
#include "zone/zone.h"

/* What a walk comes across, in pages but for blocks. */
struct found {
	size_t blocks, free, dirty, present;
};

static void validate_block(const struct zone *z, pfn_t pfn, unsigned order)
{
	const struct span *s = zone_span(z, pfn);
	const struct page *page = pfn_to_page(pfn);
	pfn_t buddy = pfn ^ (1U << order);

	BUG_ON(page->type != PAGE_BUDDY || page->order != order);
	BUG_ON(pfn & ((1U << order) - 1));
	BUG_ON(pfn + (1U << order) > s->grown || page_zone(pfn) != z);
	BUG_ON(page->nr != page_dirty(pfn, 1UL << order));
	if (order == MAX_PAGE_ORDER || buddy < s->start || buddy >= s->grown)
		return;
	BUG_ON(pfn_to_page(buddy)->type == PAGE_BUDDY &&
	       pfn_to_page(buddy)->order == order);
}

static void walk_list(const struct zone *z, unsigned order, unsigned list,
		      struct found *f)
{
	const struct free_area *a = &z->area[order];
	pfn_t prev = 0;
	uint32_t nr = 0;

	for (pfn_t pfn = a->head[list]; pfn; pfn = pfn_to_page(pfn)->next) {
		validate_block(z, pfn, order);
		BUG_ON(buddy_list(pfn_to_page(pfn)->nr) != list);
		BUG_ON(pfn_to_page(pfn)->prev != prev);
		BUG_ON(++nr > a->nr[list]);
		prev = pfn;
	}
	BUG_ON(nr != a->nr[list]);
	f->blocks += nr;
	f->free += (size_t)nr << order;
}

static void walk_span(const struct span *s, struct found *f)
{
	size_t free = 0; /* pages of the block that is being walked */

	BUG_ON(s->grown < s->start || s->grown > s->end);
	BUG_ON(s->tables < s->grown || s->tables > s->end);
	for (pfn_t pfn = s->start; pfn < s->grown; pfn++) {
		const struct page *page = pfn_to_page(pfn);
		size_t present = page_dirty(pfn, 1);

		if (free)
			BUG_ON(page->type != PAGE_TAIL);
		else if (page->type == PAGE_BUDDY) {
			free = 1UL << page->order;
			f->blocks++;
			f->free += free;
		}
		f->present += present;
		if (free) {
			f->dirty += present;
			free--;
		}
	}
	BUG_ON(free);
}

static void validate_counts(const struct zone *z)
{
	size_t managed = 0, spanned = 0;

	for (unsigned i = 0; i < z->nr_spans; i++) {
		managed += z->span[i].grown - z->span[i].start;
		spanned += z->span[i].end - z->span[i].start;
	}
	BUG_ON(managed != z->nr_managed || spanned != z->nr_spanned);
	BUG_ON(z->nr_dirty > z->nr_free || z->nr_free > z->nr_managed);
	BUG_ON(z->wmark[WMARK_MIN] > z->wmark[WMARK_LOW] ||
	       z->wmark[WMARK_LOW] > z->wmark[WMARK_HIGH]);
}

__cold size_t validate_free(struct zone *z)
{
	struct found lists = { 0 }, spans = { 0 };

	lock_acquire(&z->lock);
	validate_counts(z);
	for (unsigned o = 0; o < NR_ORDERS; o++)
		for (unsigned list = 0; list < NR_FREE_LISTS; list++)
			walk_list(z, o, list, &lists);
	for (unsigned i = 0; i < z->nr_spans; i++)
		walk_span(&z->span[i], &spans);
	BUG_ON(lists.blocks != spans.blocks || lists.free != spans.free);
	BUG_ON(lists.free != z->nr_free || spans.dirty != z->nr_dirty);
	lock_release(&z->lock);
	return spans.present;
}

__cold void validate_zone(struct zone *z)
{
	BUG_ON(validate_free(z) != READ_ONCE(z->nr_present));
}
