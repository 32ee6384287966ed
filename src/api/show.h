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

/* views of show_swap.c */
void show_swaps(struct mm_out *o, const struct snapshot *s);
void show_swapinfo(struct mm_out *o, const struct snapshot *s);
void show_pressure(struct mm_out *o, const struct snapshot *s);

/** json_swap - the figures of swapinfo: bytes, microseconds, counts */
void json_swap(struct mm_out *o);

#endif
