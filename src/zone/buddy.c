// SPDX-License-Identifier: MIT
/*
 * zone/buddy.c - the binary buddy system of one zone
 *
 * Owns the free lists. Free blocks are linked through their descriptors, so
 * free memory is never written. The head's descriptor counts the dirty pages of
 * its block, so that only blocks of which a part is dirty are ever looked
 * through. Dirty blocks are taken before clean ones: memory that is there is
 * used first.
 *
 * All functions expect zone->lock to be held.
 * Source: Knowlton's buddy system; Knuth, TAOCP 1, section 2.5.
 */
#include "zone/zone.h"

/* Reclaim reads the number without the lock. */
static void add_dirty(struct zone *z, size_t n)
{
	WRITE_ONCE(z->nr_dirty, z->nr_dirty + n);
}

static void link_block(struct zone *z, pfn_t pfn, unsigned order, size_t dirty)
{
	struct free_area *a = &z->area[order];
	struct page *page = pfn_to_page(pfn);
	unsigned list = buddy_list(dirty);

	page_set_type(page, PAGE_BUDDY);
	page->order = (uint8_t)order;
	page->nr = (uint32_t)dirty;
	page->prev = 0;
	page->next = a->head[list];
	if (page->next)
		pfn_to_page(page->next)->prev = pfn;
	a->head[list] = pfn;
	a->nr[list]++;
	z->nr_free += 1UL << order;
	add_dirty(z, dirty);
}

size_t __buddy_remove(struct zone *z, pfn_t pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct free_area *a = &z->area[page->order];
	size_t dirty = page->nr;
	unsigned list = buddy_list(dirty);

	if (page->next)
		pfn_to_page(page->next)->prev = page->prev;
	if (page->prev)
		pfn_to_page(page->prev)->next = page->next;
	else
		a->head[list] = page->next;
	a->nr[list]--;
	z->nr_free -= 1UL << page->order;
	add_dirty(z, -dirty);
	page_clear(page);
	return dirty;
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
		       unsigned order, size_t dirty)
{
	while (order < MAX_PAGE_ORDER) {
		pfn_t buddy = pfn ^ (1U << order);

		if (!is_free_block(s, buddy, order))
			break;
		dirty += __buddy_remove(z, buddy);
		counter_add(&z->stats, STAT_buddy_merge, 1);
		pfn &= ~(1U << order);
		order++;
	}
	link_block(z, pfn, order, dirty);
}

size_t part_dirty(pfn_t part, size_t part_nr, size_t nr, size_t dirty)
{
	if (!dirty)
		return 0;
	return dirty == nr ? part_nr : page_dirty(part, part_nr);
}

/* Cut a run into the largest aligned blocks and free each. */
void __buddy_free(struct zone *z, const struct span *s, pfn_t pfn, size_t nr,
		  size_t dirty)
{
	while (nr) {
		unsigned order = min_size(ilog2(nr), MAX_PAGE_ORDER);
		size_t part;

		if (pfn & (MAX_ORDER_PAGES - 1))
			order = min_size(order, (unsigned)__builtin_ctz(pfn));
		part = part_dirty(pfn, 1UL << order, nr, dirty);
		free_block(z, s, pfn, order, part);
		pfn += 1U << order;
		nr -= 1UL << order;
		dirty -= part;
	}
}

/*
 * Halve a block until it has the wanted order and return what is kept: of each
 * two halves the dirtier one, as its memory is there. The others go back.
 */
static pfn_t split(struct zone *z, pfn_t pfn, unsigned from, unsigned to,
		   size_t *dirty)
{
	while (from > to) {
		size_t half = 1UL << --from;
		pfn_t high = pfn + (pfn_t)half;
		size_t in_high = part_dirty(high, half, 2 * half, *dirty);
		size_t in_low = *dirty - in_high;

		if (in_high > in_low) {
			link_block(z, pfn, from, in_low);
			pfn = high;
			*dirty = in_high;
		} else {
			link_block(z, high, from, in_high);
			*dirty = in_low;
		}
		counter_add(&z->stats, STAT_buddy_split, 1);
	}
	return pfn;
}

pfn_t __buddy_take(struct zone *z, unsigned order, size_t *dirty)
{
	for (int list = FREE_DIRTY; list >= FREE_CLEAN; list--) {
		for (unsigned o = order; o < NR_ORDERS; o++) {
			pfn_t pfn = z->area[o].head[list];

			if (!pfn)
				continue;
			*dirty = __buddy_remove(z, pfn);
			return split(z, pfn, o, order, dirty);
		}
	}
	return 0;
}

/* Adjacent free blocks: where, how many pages, how many dirty ones to use. */
struct hole {
	pfn_t pfn;
	size_t room, dirty;
};

/* Dirty memory first, then the hole that fits best, then the lowest. */
static bool is_better(const struct hole *a, const struct hole *b)
{
	if (!b->pfn || a->dirty != b->dirty)
		return !b->pfn || a->dirty > b->dirty;
	return a->room < b->room;
}

/* The hole that starts at @pfn, of which @want pages would be used. */
static struct hole measure_hole(const struct span *s, pfn_t pfn, size_t want)
{
	struct hole h = { .pfn = pfn };

	for (; pfn < s->grown; pfn = h.pfn + (pfn_t)h.room) {
		const struct page *page = pfn_to_page(pfn);

		if (page_type(page) != PAGE_BUDDY)
			break;
		if (h.room < want)
			h.dirty += min_size(page->nr, want - h.room);
		h.room += 1UL << page->order;
	}
	return h;
}

/*
 * First page of the free blocks that end at a border of the largest blocks. The
 * buddy of each is not free as a whole, so they are smaller and smaller.
 */
static pfn_t hole_before(const struct span *s, pfn_t border)
{
	for (int o = MAX_PAGE_ORDER - 1; o >= 0; o--)
		if (is_free_block(s, border - (1U << o), (unsigned)o))
			border -= 1U << o;
	return border;
}

static void find_hole(const struct span *s, size_t want, size_t align,
		      struct hole *best)
{
	pfn_t border = (pfn_t)align_up(s->start, MAX_ORDER_PAGES);

	while (border <= s->grown) {
		pfn_t start = align == 1 ? hole_before(s, border) : border;
		struct hole h = measure_hole(s, start, want);

		if (h.room >= want && is_better(&h, best))
			*best = h;
		border = (pfn_t)align_up(start + h.room + 1, MAX_ORDER_PAGES);
	}
}

pfn_t __buddy_take_run(struct zone *z, size_t nr, size_t align, size_t *got,
		       size_t *dirty)
{
	struct hole best = { 0 };

	*got = *dirty = 0;
	if (z->nr_free < nr)
		return 0;
	for (unsigned i = 0; i < z->nr_spans; i++)
		find_hole(&z->span[i], nr, align, &best);
	while (best.pfn && *got < nr) {
		pfn_t pfn = best.pfn + (pfn_t)*got;

		*got += 1UL << pfn_to_page(pfn)->order;
		*dirty += __buddy_remove(z, pfn);
	}
	return best.pfn;
}
