/* SPDX-License-Identifier: MIT */
/*
 * api/show.h - the views of /proc, from inside
 */
#ifndef MM_API_SHOW_H
#define MM_API_SHOW_H

#include "api/snapshot.h"

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

/** show_rows - as text, bytes in kB; values are @width characters wide */
void show_rows(struct mm_out *o, const struct row *row, size_t nr, int width);

/** json_rows - as the object @name, bytes in bytes, and a comma */
void json_rows(struct mm_out *o, const char *name, const struct row *row,
	       size_t nr);

/* views of show_swap.c */
void show_swaps(struct mm_out *o, const struct snapshot *s);
void show_swapinfo(struct mm_out *o, const struct snapshot *s);
void show_pressure(struct mm_out *o, const struct snapshot *s);

/** json_swap - the object "swapinfo" */
void json_swap(struct mm_out *o);

#endif
