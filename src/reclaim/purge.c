// SPDX-License-Identifier: MIT
/*
 * reclaim/purge.c - giving dirty free pages back
 *
 * Large blocks go first: one call per block, and they are the least likely to
 * be asked for again soon. A block that is being purged is out of the buddy
 * system, so that no lock is held while the kernel works.
 *
 * Lock order: purge_lock comes before all locks of the rooms below, so the
 * caller of reclaim_*() holds none.
 */
#include "reclaim/reclaim.h"

#define BALANCE_ORDER 4	   /* below 64 KiB a call costs more than it brings */
#define REFUSED_MS    1000 /* until the kernel is asked again */

static struct mm_lock purge_lock = LOCK(PURGE);
static uint64_t refused_until; /* ms; set when the kernel does not let us */

static bool is_refused(void)
{
	return refused_until && os_clock_ms() < refused_until;
}

static size_t purge_zone(struct zone *z, unsigned min_order, size_t keep)
{
	size_t done = 0;

	while (!is_refused()) {
		size_t nr, n;
		pfn_t pfn = isolate_dirty(z, min_order, keep, &nr);

		if (!pfn)
			break;
		n = purge_run(pfn, nr);
		if (!n && page_dirty(pfn, nr))
			refused_until = os_clock_ms() + REFUSED_MS;
		done += n;
		putback_run(pfn, nr);
	}
	counter_add(&mm_global_counters, STAT_pgpurge, done);
	return done;
}

/* Stop well below the bound, so that the next free does not start again. */
void reclaim_balance(void)
{
	if (!lock_try(&purge_lock))
		return;
	WRITE_ONCE(reclaim_wanted, false);
	counter_add(&mm_global_counters, STAT_purge_runs, 1);
	for_each_zone(z) {
		size_t bound;

		age_keep(z);
		if (zone_over_bound(z, &bound))
			purge_zone(z, BALANCE_ORDER, bound - bound / 8);
	}
	lock_release(&purge_lock);
}

size_t reclaim_free(size_t nr)
{
	size_t done = 0;

	/* they may wait for memory that swapd has to make */
	if (READ_ONCE(swap_orphans) || !lock_try(&purge_lock))
		return 0;
	for_each_zone(z) {
		size_t dirty = READ_ONCE(z->nr_dirty);

		if (done < nr && dirty)
			done += purge_zone(z, 0,
					   dirty - min_size(dirty, nr - done));
	}
	lock_release(&purge_lock);
	return done;
}

size_t reclaim_trim(struct heap *h, size_t keep)
{
	size_t pages = keep >> PAGE_SHIFT, done = 0;

	if (h)
		heap_trim(h);
	trim_node_heaps();
	drain_page_lists();
	lock_acquire(&purge_lock);
	for_each_zone(z) {
		done += purge_zone(z, 0, pages);
		pages -= min_size(pages, READ_ONCE(z->nr_dirty));
	}
	lock_release(&purge_lock);
	return done << PAGE_SHIFT;
}

void reclaim_fork(enum fork_step step)
{
	lock_fork(&purge_lock, step);
}
