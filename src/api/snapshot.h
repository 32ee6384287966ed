/* SPDX-License-Identifier: MIT */
/*
 * api/snapshot.h - figures that belong together; private to api/
 */
#ifndef MM_API_SNAPSHOT_H
#define MM_API_SNAPSHOT_H

#include "api/init.h"

/* One kmem_cache, summed over all heaps. */
struct cache_info {
	size_t slabs, capacity; /* objects that fit into them */
	size_t live;		/* objects in the program's hands */
};

struct snapshot {
	struct mm_stats stats;
	struct cache_info cache[NR_CLASSES];
	struct mm_counters counters;
	size_t pcp_pages, pcp_present;
};

/** take_snapshot - stop all slow paths for a moment and look */
void take_snapshot(struct snapshot *s);

#endif
