/* SPDX-License-Identifier: MIT */
/*
 * identities.h - what must be true of every snapshot that mm_stats() takes
 */
#ifndef TESTS_IDENTITIES_H
#define TESTS_IDENTITIES_H

#include "check.h"
#include "mm/mm.h"

static __typeof__(mm_stats) *mm_stats_found;

/* Returns 0 where the program runs without libmm. */
static inline int find_mm_stats(void)
{
	*(void **)&mm_stats_found = mm_symbol("mm_stats");
	return mm_stats_found != NULL;
}

static inline void check_nodes(const struct mm_stats *st)
{
	size_t committed = st->vma_committed;
	uint64_t missed = 0, foreign = 0;
	unsigned i;

	CHECK(st->nr_nodes <= MM_MAX_NODES);
	for (i = 0; i < st->nr_nodes; i++) {
		const struct mm_node_stats *n = &st->node[i];

		CHECK(n->node >= 0 && n->free <= n->committed);
		CHECK(n->numa_hit + n->numa_miss ==
		      n->local_node + n->other_node);
		CHECK(n->interleave_hit <= n->numa_hit);
		committed += n->committed;
		missed += n->numa_miss;
		foreign += n->numa_foreign;
	}
	CHECK(committed == st->committed);
	CHECK(missed == foreign);
}

static inline void check_identities(struct mm_stats *st)
{
	size_t sum;
	int zone;

	mm_stats_found(st);
	sum = st->vma_committed;
	for (zone = 0; zone < MM_NR_ZONES; zone++)
		sum += st->zone_committed[zone];
	CHECK(st->requested <= st->used);
	CHECK(st->used <= st->committed);
	CHECK(st->committed <= st->reserved);
	CHECK(sum == st->committed);
	CHECK(st->small_bytes + st->large_bytes + st->vma_bytes ==
	      st->requested);
	check_nodes(st);
	CHECK(st->nr_nodes >= 1 && st->nr_heaps >= 1 && st->nr_windows >= 1);
}

#endif
