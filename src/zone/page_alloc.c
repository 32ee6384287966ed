// SPDX-License-Identifier: MIT
/*
 * zone/page_alloc.c - runs of pages out of zones
 *
 * A request looks through all nodes, nearest first: at first for zones that
 * stay above their low watermark on nodes whose memory is not used up, then
 * anywhere. In a zone it takes the smallest block that fits, gives the tail
 * back at once, and grows the zone into its reserve when no free block is large
 * enough.
 */
#include <errno.h>
#include <string.h>
#include "side/option.h"
#include "zone/zone.h"

#define GROW_FIRST  (MAX_ORDER_PAGES / 4)  /* 1 MiB */
#define GROW_MAX    (64 * MAX_ORDER_PAGES) /* 256 MiB */
#define KEEP_GAIN   4			   /* pages to keep for each that was */
#define KEEP_SLACK  4	 /* part of the peak to keep beyond the peak */
#define KEEP_MS	    1000 /* as long as some are wanted so often */
#define HUGE_MIN    (16 * MAX_ORDER_PAGES) /* 64 MiB */
#define TABLES_STEP (16 * MAX_ORDER_PAGES) /* 64 MiB of pages at a time */

size_t page_dirty(pfn_t pfn, size_t nr)
{
	return ptes_touched(pfn_to_pte(pfn), nr);
}

/* The pages have left the buddy system. Caller holds the lock. */
static void count_taken(struct zone *z, size_t nr)
{
	counter_add(&z->stats, (enum stat_item)(STAT_pgalloc_dma + z->type),
		    nr);
}

/* Users have got pages. Caller holds the lock. */
static void count_live(struct zone *z)
{
	z->peak_live = max_size(z->peak_live, z->nr_managed - z->nr_free);
}

static void add_present(struct zone *z, size_t n)
{
	size_t now;

	if (!n)
		return;
	now = __atomic_add_fetch(&z->nr_present, n, __ATOMIC_RELAXED);
	if (now > READ_ONCE(z->peak_present))
		WRITE_ONCE(z->peak_present, now);
}

/*
 * Pages that were purged and are wanted again: the program needs that much from
 * time to time, so keep more. Approximate, as slabs come here without the lock.
 */
static void count_refaults(struct zone *z, size_t fresh)
{
	size_t purged = READ_ONCE(z->nr_purged);
	size_t n = min_size(fresh, purged);

	if (likely(!n))
		return;
	WRITE_ONCE(z->nr_purged, purged - n);
	WRITE_ONCE(z->nr_refault, READ_ONCE(z->nr_refault) + n);
	/* never more than there was */
	WRITE_ONCE(z->keep, min_size(READ_ONCE(z->keep) + KEEP_GAIN * n,
				     READ_ONCE(z->peak_present)));
}

static void set_present(struct zone *z, pfn_t pfn, size_t nr, gfp_t gfp)
{
	pte_t *pte = pfn_to_pte(pfn);
	size_t fresh = 0;

	for (size_t i = 0; i < nr; i++) {
		/* others may pin a page that is there already */
		if ((READ_ONCE(pte[i]) & PTE_STATE_MASK) == PTE_UNTOUCHED) {
			pte[i] = PTE_PRESENT;
			fresh++;
		} else if (gfp & GFP_ZERO) {
			memset(pfn_to_addr(pfn + (pfn_t)i), 0, PAGE_SIZE);
		}
	}
	add_present(z, fresh);
	count_refaults(z, fresh);
}

void touch_pages(pfn_t pfn, size_t nr, gfp_t gfp)
{
	set_present(page_zone(pfn), pfn, nr, gfp);
}

/* @present: so many of the pages are not UNTOUCHED */
static void forget(struct zone *z, pfn_t pfn, size_t nr, size_t present)
{
	if (unlikely(swap_on)) {
		orphans_wait();
		ptes_drop(pfn_to_pte(pfn), nr, DROP_ALL);
	} else {
		memset(pfn_to_pte(pfn), 0, nr * sizeof(pte_t));
	}
	add_present(z, -present);
}

void forget_pages(pfn_t pfn, size_t nr)
{
	forget(page_zone(pfn), pfn, nr, page_dirty(pfn, nr));
}

bool release_out(pfn_t pfn, size_t nr)
{
	size_t n;

	/* it only saves work: what is still on its way out is dropped later */
	if (likely(!READ_ONCE(pages_out) && !READ_ONCE(pages_staged) &&
		   !READ_ONCE(some_stay)))
		return false;
	orphans_wait();
	n = ptes_drop(pfn_to_pte(pfn), nr, DROP_OUT);
	add_present(page_zone(pfn), -n);
	return n > 0;
}

/* ---- growing a zone ---- */

static int commit_span(struct span *s, size_t nr)
{
	struct window *w = pfn_window(s->start);

	if (s->grown + nr > s->tables) {
		size_t step =
			min_size(max_size(nr, TABLES_STEP), s->end - s->tables);

		if (arena_commit_tables(w, pfn_index(s->tables), step))
			return -ENOMEM;
		s->tables += (pfn_t)step;
		if (s->grown + nr > s->tables)
			return -ENOMEM;
	}
	return arena_commit(w, pfn_to_addr(s->grown), nr << PAGE_SHIFT);
}

/*
 * By a quarter of what is there, but small at first: every block of the zone
 * costs a page of descriptors. Large steps end at a block border.
 */
static size_t grow_step(const struct zone *z, const struct span *s, size_t need)
{
	size_t at = pfn_index(s->grown);
	size_t step = min_size(z->nr_managed / 4, GROW_MAX);
	size_t border = step < MAX_ORDER_PAGES ? GROW_FIRST : MAX_ORDER_PAGES;

	step = max_size(max_size(step, need), GROW_FIRST);
	return align_up(at + step, border) - at;
}

/* Huge pages are for heaps that have become large: they cost small ones. */
bool zone_wants_huge(const struct zone *z)
{
	if (mm_options.thp.word == THP_AUTO)
		return READ_ONCE(z->nr_present) >= HUGE_MIN;
	return mm_options.thp.word == THP_ALWAYS;
}

static bool grow_span(struct zone *z, struct span *s, size_t need)
{
	size_t left = s->end - s->grown;
	size_t step = grow_step(z, s, need);

	step = min_size(step, left);
	if (left < need)
		return false;
	if (s->grown == s->start)
		node_place(z->nid, pfn_to_addr(s->start),
			   (size_t)(s->end - s->start) << PAGE_SHIFT);
	if (commit_span(s, step)) {
		step = need;
		if (commit_span(s, step))
			return false;
	}
	if (zone_wants_huge(z))
		os_advise(pfn_to_addr(s->grown), step << PAGE_SHIFT,
			  OS_HUGEPAGE);
	WRITE_ONCE(s->grown, s->grown + (pfn_t)step);
	z->nr_managed += step;
	counter_add(&z->stats, STAT_zone_grow, 1);
	__buddy_free(z, s, s->grown - (pfn_t)step, step, 0);
	return true;
}

/* Grow some span so far that whole blocks of @nr pages and more are free. */
static bool zone_grow(struct zone *z, size_t nr)
{
	unsigned order = (unsigned)min_size(order_up(nr), MAX_PAGE_ORDER);
	size_t block = 1UL << order;

	for (unsigned i = 0; i < z->nr_spans; i++) {
		struct span *s = &z->span[i];
		size_t at = pfn_index(s->grown);

		if (grow_span(z, s,
			      align_up(align_up(at, block) + nr, block) - at))
			return true;
	}
	return false;
}

/* ---- the dirty bound ---- */

bool reclaim_wanted;

size_t dirty_bound(const struct zone *z)
{
	size_t live = z->nr_managed - z->nr_free;

	return (mm_options.dirty >> PAGE_SHIFT) +
	       live * mm_options.dirty_ratio / 100 +
	       min_size(READ_ONCE(z->keep), max_size(z->peak_live, live) -
						    live +
						    z->peak_live / KEEP_SLACK);
}

/* Caller holds the lock; reclaim_balance() looks at every zone. */
static void check_bound(const struct zone *z)
{
	if (unlikely(z->nr_dirty > dirty_bound(z)))
		WRITE_ONCE(reclaim_wanted, true);
}

/* ---- taking runs ---- */

static pfn_t try_take(struct zone *z, size_t nr, size_t align, size_t *got,
		      size_t *dirty)
{
	unsigned order = order_up(max_size(nr, align));

	if (order >= MAX_PAGE_ORDER)
		return __buddy_take_run(z, nr, align, got, dirty);
	*got = 1UL << order;
	return __buddy_take(z, order, dirty);
}

static bool wmark_ok(const struct zone *z, size_t nr, int wmark)
{
	size_t used = z->nr_managed - z->nr_free;
	size_t keep = wmark < 0 ? 0 : z->wmark[wmark];

	return z->nr_spanned >= used + nr + keep;
}

static pfn_t __zone_take(struct zone *z, size_t nr, size_t align, gfp_t gfp)
{
	size_t got, dirty, tail;
	pfn_t pfn = try_take(z, nr, align, &got, &dirty);

	/* what is free at the frontier and what is added merge */
	if (!pfn && zone_grow(z, max_size(nr, align)))
		pfn = try_take(z, nr, align, &got, &dirty);
	if (!pfn)
		return 0;
	if (got > nr) {
		tail = part_dirty(pfn + (pfn_t)nr, got - nr, got, dirty);
		dirty -= tail;
		__buddy_free(z, zone_span(z, pfn), pfn + (pfn_t)nr, got - nr,
			     tail);
	}
	count_taken(z, nr);
	count_live(z);
	if ((gfp & GFP_TOUCH) && dirty < nr)
		set_present(z, pfn, nr, GFP_DEFAULT);
	return pfn;
}

/* Clearing happens outside the lock, so remember what was dirty. */
static pfn_t zone_alloc(struct zone *z, size_t nr, size_t align, gfp_t gfp,
			int wmark)
{
	bool zero = gfp & GFP_ZERO;
	pfn_t pfn = 0;

	lock_acquire(&z->lock);
	if (wmark_ok(z, nr, wmark))
		pfn = __zone_take(z, nr, align, zero ? GFP_DEFAULT : gfp);
	/* what becomes live may no longer be kept as well */
	check_bound(z);
	lock_release(&z->lock);
	if (pfn && zero)
		set_present(z, pfn, nr, gfp);
	return pfn;
}

static void count_event(struct zone *z, enum stat_item item, size_t nr)
{
	lock_acquire(&z->lock);
	counter_add(&z->stats, item, nr);
	lock_release(&z->lock);
}

/*
 * Only what is not as it should be is counted: numa_hit is what a zone has
 * given out without numa_miss, numa_local what is not numa_other.
 */
static void count_numa(struct zone *z, unsigned wanted, size_t nr)
{
	if (likely(nr_nodes == 1))
		return;
	if (z->nid != wanted) {
		count_event(z, STAT_numa_miss, nr);
		count_event(&nodes[wanted].zone[z->type], STAT_numa_foreign,
			    nr);
	}
	if (z->nid != (numa_is_fake ? wanted : node_current()))
		count_event(z, STAT_numa_other, nr);
}

/* A zone of a node: HIGHMEM requests take NORMAL pages, too. */
static pfn_t node_alloc(struct node *n, enum mm_zone_type type, size_t nr,
			size_t align, gfp_t gfp, int wmark, unsigned wanted)
{
	int last = type == MM_ZONE_HIGHMEM ? MM_ZONE_NORMAL : (int)type;

	for (int t = (int)type; t >= last; t--) {
		struct zone *z = &n->zone[t];
		bool fresh = wmark >= 0 && READ_ONCE(z->nr_dirty) < nr;
		pfn_t pfn;

		if (fresh && !node_has_room(n, nr))
			continue;
		pfn = zone_alloc(z, nr, align, gfp, wmark);
		if (pfn) {
			if (fresh)
				node_took(n, pfn, nr);
			count_numa(z, wanted, nr);
			return pfn;
		}
	}
	return 0;
}

static pfn_t list_alloc(unsigned nid, enum mm_zone_type type, size_t nr,
			size_t align, gfp_t gfp, int wmark)
{
	pfn_t pfn = 0;

	for (unsigned i = 0; i < nr_nodes && !pfn; i++)
		pfn = node_alloc(&nodes[nodes[nid].fallback[i]], type, nr,
				 align, gfp, wmark, nid);
	return pfn;
}

size_t page_limit = SIZE_MAX, page_mark;

size_t pages_resident(void)
{
	size_t pages = READ_ONCE(pages_outside);

	for_each_zone(z)
		pages += READ_ONCE(z->nr_present);
	if (unlikely(swap_on))
		pages += (swap_pool_bytes() >> PAGE_SHIFT) +
			 READ_ONCE(pages_left) - READ_ONCE(pages_out);
	return pages;
}

/* Unless there is none any more: swap may just have ended. */
__cold void limit_raise(size_t nr)
{
	size_t limit = READ_ONCE(page_limit), raised = pages_resident() + nr;

	if (limit != SIZE_MAX)
		__atomic_compare_exchange_n(&page_limit, &limit, raised, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

__cold bool __within_limit(size_t nr)
{
	size_t pages = pages_resident() + nr;

	if (unlikely(swap_on) && pages > READ_ONCE(page_mark))
		swap_ring();
	return pages <= READ_ONCE(page_limit);
}

pfn_t alloc_run(unsigned nid, enum mm_zone_type type, size_t nr, size_t align,
		gfp_t gfp)
{
	unsigned windows_seen;
	pfn_t pfn;

	if (!within_limit(nr))
		return 0;
	do {
		windows_seen = smp_load_acquire(&nr_windows);
		pfn = list_alloc(nid, type, nr, align, gfp, WMARK_LOW);
		if (!pfn)
			pfn = list_alloc(nid, type, nr, align, gfp, -1);
	} while (!pfn && node_add_window(type, nr + align, windows_seen));
	return pfn;
}

void free_run(pfn_t pfn, size_t nr)
{
	free_run_dirty(pfn, nr, page_dirty(pfn, nr));
}

/* @users: so many of the pages were users' */
static void give_back(pfn_t pfn, size_t nr, size_t dirty, size_t users)
{
	struct zone *z = page_zone(pfn);

	if (unlikely(swap_on) && release_out(pfn, nr))
		dirty = page_dirty(pfn, nr);
	lock_acquire(&z->lock);
	page_clear(pfn_to_page(pfn));
	counter_add(&z->stats, STAT_pgfree, users);
	__buddy_free(z, zone_span(z, pfn), pfn, nr, dirty);
	check_bound(z);
	lock_release(&z->lock);
}

void free_run_dirty(pfn_t pfn, size_t nr, size_t dirty)
{
	give_back(pfn, nr, dirty, nr);
}

void putback_run(pfn_t pfn, size_t nr)
{
	give_back(pfn, nr, page_dirty(pfn, nr), 0);
}

void age_keep(struct zone *z)
{
	uint64_t now = os_clock_ms();
	size_t keep = READ_ONCE(z->keep);

	/* phases of freeing are short: time must pass without a refault */
	if (READ_ONCE(z->nr_refault))
		z->refault_ms = now;
	else if (now - z->refault_ms > KEEP_MS)
		WRITE_ONCE(z->keep, keep - keep / 4);
	WRITE_ONCE(z->nr_refault, 0);
}

bool zone_over_bound(struct zone *z, size_t *bound)
{
	bool over;

	lock_acquire(&z->lock);
	*bound = dirty_bound(z);
	over = z->nr_dirty > *bound;
	lock_release(&z->lock);
	return over;
}

/* ---- growing a run in place ---- */

static bool all_free(const struct span *s, pfn_t pfn, size_t nr)
{
	pfn_t end = pfn + (pfn_t)nr;

	while (pfn < end) {
		const struct page *page;

		if (pfn >= s->grown)
			return false;
		page = pfn_to_page(pfn);
		if (page_type(page) != PAGE_BUDDY)
			return false;
		pfn += 1U << page->order;
	}
	return true;
}

bool expand_run(pfn_t pfn, size_t nr, size_t more)
{
	struct zone *z = page_zone(pfn);
	const struct span *s;
	pfn_t at = pfn + (pfn_t)nr, end = at + (pfn_t)more;
	bool ok;

	if (!node_has_room(&nodes[z->nid], more))
		return false;
	lock_acquire(&z->lock);
	s = zone_span(z, pfn);
	ok = end <= s->end && wmark_ok(z, more, -1) && within_limit(more);
	/* at the frontier of the zone there is always room to grow */
	if (ok && end > s->grown)
		ok = all_free(s, at, s->grown - at) &&
		     grow_span(z, (struct span *)s, end - s->grown);
	ok = ok && all_free(s, at, more);
	if (ok) {
		for (pfn_t p = at; p < end;) {
			size_t block = 1UL << pfn_to_page(p)->order;
			size_t dirty = __buddy_remove(z, p);

			p += (pfn_t)block;
			if (p > end)
				__buddy_free(
					z, s, end, p - end,
					part_dirty(end, p - end, block, dirty));
		}
		node_took(&nodes[z->nid], at, more);
		count_taken(z, more);
		count_live(z);
		set_present(z, at, more, GFP_DEFAULT);
		check_bound(z);
	}
	lock_release(&z->lock);
	return ok;
}

/* ---- giving memory back ---- */

pfn_t isolate_dirty(struct zone *z, unsigned min_order, size_t keep, size_t *nr)
{
	pfn_t pfn = 0;

	lock_acquire(&z->lock);
	for (int o = MAX_PAGE_ORDER; o >= (int)min_order && !pfn; o--) {
		if ((PAGE_SIZE << o) < os_page_size() || z->nr_dirty <= keep)
			break;
		pfn = z->area[o].head[FREE_DIRTY];
		*nr = 1UL << o;
	}
	if (pfn) {
		__buddy_remove(z, pfn);
		page_set_type(pfn_to_page(pfn), PAGE_ISOLATED);
		pfn_to_page(pfn)->nr = (uint32_t)*nr;
	}
	lock_release(&z->lock);
	return pfn;
}

/*
 * A whole block of the largest order fills pages of its tables, too: all of
 * its descriptors but the head's are zero, and so are its ptes now.
 */
static void purge_tables(pfn_t pfn)
{
	const size_t nr_slots = MAX_ORDER_PAGES >> (SLAB_SHIFT - PAGE_SHIFT);
	struct window *w = pfn_window(pfn);
	size_t i = pfn_index(pfn);

	os_purge((char *)&w->pages[i] + PAGE_SIZE,
		 MAX_ORDER_PAGES * PAGE_BYTES - PAGE_SIZE);
	os_purge(&w->ptes[i], MAX_ORDER_PAGES * PTE_BYTES);
	os_purge((char *)w->slabs + i / MAX_ORDER_PAGES * nr_slots * SLAB_BYTES,
		 nr_slots * SLAB_BYTES);
}

size_t purge_run(pfn_t pfn, size_t nr)
{
	struct zone *z = page_zone(pfn);
	size_t present = page_dirty(pfn, nr);

	/* first: from here on nobody takes a page out or brings one back */
	forget(z, pfn, nr, present);
	if (present && os_purge(pfn_to_addr(pfn), nr << PAGE_SHIFT)) {
		touch_pages(pfn, nr, GFP_DEFAULT);
		return 0;
	}
	WRITE_ONCE(z->nr_purged, READ_ONCE(z->nr_purged) + present);
	if (nr == MAX_ORDER_PAGES && os_page_size() == PAGE_SIZE)
		purge_tables(pfn);
	return present;
}
