/* SPDX-License-Identifier: MIT */
/*
 * api/show.h - the views of /proc, from inside; private to api/
 */
#ifndef MM_API_SHOW_H
#define MM_API_SHOW_H

#include "api/init.h"

/* One kmem_cache, summed over all heaps. */
struct cache_info {
	size_t slabs, capacity; /* objects that fit into them */
	size_t live;		/* objects in the program's hands */
};

/* Figures that belong together. */
struct snapshot {
	struct mm_stats stats;
	struct cache_info cache[NR_CLASSES];
	struct mm_counters counters;
	size_t pcp_pages, pcp_present;
};

/** take_snapshot - stop all slow paths for a moment and look */
void take_snapshot(struct snapshot *s);

/** show_init - see to it that show_at_exit() will find standard error */
void show_init(void);

/** show_at_exit - what the option "stats" asks for */
void show_at_exit(void);

/** struct row - a line of meminfo or swapinfo, a member of its JSON object */
struct row {
	const char *name;
	size_t value;
	enum unit { BYTES, COUNT, HUNDREDTHS, MICROSECONDS } unit;
};

/**
 * show_rows - as text, bytes in kB; or as an object of JSON, and a comma
 * @json:  name of the object, NULL: text
 * @width: of the values in text
 */
void show_rows(struct mm_out *o, const char *json, int width,
	       const struct row *row, size_t nr);

/* views of show_swap.c */
void show_swaps(struct mm_out *o, const struct snapshot *s);
void show_swapinfo(struct mm_out *o, const struct snapshot *s);
void show_pressure(struct mm_out *o, const struct snapshot *s);

/** swap_rows - those of swapinfo; @json as above */
void swap_rows(struct mm_out *o, const char *json);

#endif
