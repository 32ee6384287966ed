// SPDX-License-Identifier: MIT
/*
 * api/stats.c - a consistent snapshot of everything
 *
 * With every lock held, nothing moves but the fast paths: an object in a thread
 * list is not live, one that a thread pops or pushes meanwhile may be counted
 * either way. The rest of the figures follow from the zones' books:
 *
 *   committed = present pages + own mappings
 *   used      = committed - dirty free pages - pages in thread lists
 *   requested = live small objects + runs + own mappings
 */
#include "api/show.h"
#include "side/option.h"

/* Its thread goes on counting credits down: see the top of this file. */
__attribute__((no_sanitize("thread"))) static void
count_slab(struct snapshot *s, const struct slab *slab)
{
	struct cache_info *c = &s->cache[slab->class];
	int32_t inuse = READ_ONCE(slab->credits) + slab->bias;

	c->slabs++;
	c->capacity += slab->capacity;
	c->live += inuse > 0 ? (size_t)inuse : 0;
}

static void count_span(struct snapshot *s, const struct span *span)
{
	const struct window *w = pfn_window(span->start);
	size_t end = pfn_index(span->grown) / SLAB_PAGES;

	for (size_t i = pfn_index(span->start) / SLAB_PAGES; i < end; i++)
		if (w->slots[i].owner != OWNER_NONE)
			count_slab(s, &w->slabs[i]);
}

static void count_heap(struct snapshot *s, struct heap *h)
{
	for (unsigned list = 1; list < NR_LISTS; list++) {
		struct cache_info *c = &s->cache[list_class(list)];

		c->live -= min_size(list_length(h, list), c->live);
	}
	s->pcp_pages += h->pcp.nr_pages;
	s->pcp_present += pcp_present(&h->pcp);
	stat_sum(&s->counters, &h->stats);
	s->counters.n[STAT_tlb_hit] += READ_ONCE(h->tlb.hits);
	s->counters.n[STAT_tlb_miss] += READ_ONCE(h->tlb.misses);
}

/* What is not counted there follows from what is; see count_numa() in zone/. */
static void count_node(struct snapshot *s, const struct zone *z)
{
	struct mm_node_stats *n = &s->stats.node[z->nid];
	const uint64_t *of_zone = z->stats.n;
	uint64_t taken = of_zone[STAT_pgalloc_dma + z->type];
	uint64_t hit = taken - of_zone[STAT_numa_miss];
	uint64_t local = taken - of_zone[STAT_numa_other];
	bool spread = mm_options.numa.word == NUMA_INTERLEAVE;

	n->node = (int)nodes[z->nid].phys;
	n->committed += READ_ONCE(z->nr_present) << PAGE_SHIFT;
	n->free += z->nr_dirty << PAGE_SHIFT;
	n->numa_hit += hit;
	n->numa_miss += of_zone[STAT_numa_miss];
	n->numa_foreign += of_zone[STAT_numa_foreign];
	n->interleave_hit += spread ? hit : 0;
	n->local_node += local;
	n->other_node += of_zone[STAT_numa_other];
	s->counters.n[STAT_numa_hit] += hit;
	s->counters.n[STAT_numa_interleave] += spread ? hit : 0;
	s->counters.n[STAT_numa_local] += local;
}

static void count_zones(struct snapshot *s, size_t *pages_used)
{
	struct mm_stats *st = &s->stats;

	for_each_zone(z) {
		size_t present = READ_ONCE(z->nr_present);

		for (unsigned i = 0; i < z->nr_spans; i++)
			count_span(s, &z->span[i]);
		st->zone_committed[z->type] += present << PAGE_SHIFT;
		st->committed += present << PAGE_SHIFT;
		st->used += (present - z->nr_dirty) << PAGE_SHIFT;
		st->peak_committed += z->peak_present << PAGE_SHIFT;
		for (unsigned o = 0; o < NR_ORDERS; o++)
			st->free_blocks += z->area[o].nr[FREE_CLEAN] +
					   z->area[o].nr[FREE_DIRTY];
		*pages_used += z->nr_managed - z->nr_free;
		stat_sum(&s->counters, &z->stats);
		count_node(s, z);
	}
}

static void count_small(struct snapshot *s, size_t *slab_pages)
{
	struct mm_stats *st = &s->stats;

	for (unsigned c = 1; c < NR_CLASSES; c++) {
		const struct cache_info *ci = &s->cache[c];

		st->small_objects += ci->live;
		st->small_bytes += ci->live * class_bytes[c];
		*slab_pages += ci->slabs * SLAB_PAGES;
	}
}

/* What is neither slab, page list nor free is a run. */
static void count_large(struct snapshot *s, size_t pages_used,
			size_t slab_pages)
{
	struct mm_stats *st = &s->stats;
	const struct vma_totals *v = vma_totals();

	st->large_bytes = (pages_used - slab_pages - s->pcp_pages)
			  << PAGE_SHIFT;
	st->large_blocks = s->counters.n[STAT_large_alloc] -
			   s->counters.n[STAT_large_free];
	st->vma_blocks = v->blocks;
	st->vma_bytes = st->vma_committed = v->bytes;
	st->peak_vma_blocks = v->peak_blocks;
	st->peak_vma_bytes = v->peak_bytes;
	st->used += v->bytes - (s->pcp_present << PAGE_SHIFT);
	st->committed += v->bytes;
	st->peak_committed += v->peak_bytes;
	st->reserved += v->reserved;
}

void take_snapshot(struct snapshot *s)
{
	size_t pages_used = 0, slab_pages = 0;
	struct mm_stats *st = &s->stats;

	*s = (struct snapshot){ 0 };
	if (!nodes)
		return;
	all_locks(FORK_PREPARE);
	count_zones(s, &pages_used);
	for (struct heap *h = heap_first(); h; h = h->next_all)
		count_heap(s, h);
	stat_sum(&s->counters, &mm_global_counters);
	count_small(s, &slab_pages);
	count_large(s, pages_used, slab_pages);
	for (unsigned i = 0; i < nr_windows; i++)
		st->reserved += windows[i].reserved;
	st->metadata = memblock_bytes();
	st->requested = st->small_bytes + st->large_bytes + st->vma_bytes;
	st->nr_nodes = nr_nodes;
	st->nr_windows = nr_windows;
	st->nr_heaps = heap_count();
	all_locks(FORK_PARENT);
}

__public void mm_stats(struct mm_stats *st)
{
	struct heap *h = door_enter();
	struct snapshot s = { 0 };

	/* in a signal handler inside the slow path: the locks may be ours */
	if (h) {
		remote_flush(h);
		take_snapshot(&s);
		door_leave(h);
	}
	*st = s.stats;
}

__public size_t mm_trim(size_t keep)
{
	struct heap *h = door_enter();
	size_t done = 0;

	if (h) {
		done = reclaim_trim(h, keep);
		door_leave(h);
	}
	return done;
}
