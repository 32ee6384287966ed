/* SPDX-License-Identifier: MIT */
/*
 * side/stat.h - event counters
 *
 * Counters live where the event happens, so that counting costs a load and a
 * store: each heap and zone embeds a struct mm_counters that one thread, or
 * whoever holds its lock, writes. What belongs to no heap goes to
 * mm_global_counters, atomically. A total is the sum of all of them; readers
 * take no lock and may miss the events of the last moment, never more.
 */
#ifndef MM_SIDE_STAT_H
#define MM_SIDE_STAT_H

#include "base/compiler.h"

enum stat_item {
#define STAT(name, help) STAT_##name,
#include "side/stat.def"
	NR_STATS
};

struct mm_counters {
	uint64_t n[NR_STATS];
};

extern __hidden struct mm_counters mm_global_counters;

/** What each counter is called, and what it counts; see stat.def. */
extern __hidden const char *const stat_name[NR_STATS];
extern __hidden const char *const stat_help[NR_STATS];

/** counter_add - count @v events; the caller is the only writer of @c */
static inline void counter_add(struct mm_counters *c, enum stat_item i,
			       uint64_t v)
{
	WRITE_ONCE(c->n[i], READ_ONCE(c->n[i]) + v);
}

/** stat_add_global - count @v events of the whole process; any thread */
static inline void stat_add_global(enum stat_item i, uint64_t v)
{
	__atomic_fetch_add(&mm_global_counters.n[i], v, __ATOMIC_RELAXED);
}

/**
 * stat_sum - add all counters of @from to those of @to
 * @to:   the caller is its only writer; it may be read meanwhile
 * @from: may be written meanwhile; may be mm_global_counters
 */
void stat_sum(struct mm_counters *to, const struct mm_counters *from);

#endif
