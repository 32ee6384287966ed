// SPDX-License-Identifier: MIT
/*
 * side/stat.c - names, meanings and sums of the event counters
 */
#include "side/stat.h"

const char *const stat_name[NR_STATS] = {
#define STAT(name, help) #name,
#include "side/stat.def"
};

const char *const stat_help[NR_STATS] = {
#define STAT(name, help) help,
#include "side/stat.def"
};

__cacheline struct mm_counters mm_global_counters;

void stat_sum(struct mm_counters *to, const struct mm_counters *from)
{
	for (unsigned i = 0; i < NR_STATS; i++)
		counter_add(to, (enum stat_item)i, READ_ONCE(from->n[i]));
}
