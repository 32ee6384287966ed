// SPDX-License-Identifier: MIT
/*
 * api/show_swap.c - swaps, swapinfo and pressure, as text
 *
 * swaps has the fields of /proc/swaps, pressure those of /proc/pressure/memory;
 * swapinfo says what zramctl and /proc/meminfo would. The figures are hints,
 * read one after the other while swap goes on.
 */
#include "api/show.h"
#include "side/option.h"

#define KB(bytes) ((bytes) >> 10)

void show_swaps(struct mm_out *o, const struct snapshot *s)
{
	struct swap_counts c;

	(void)s;
	swap_counts(&c);
	out_printf(o, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	if (!swap_on)
		return;
	out_printf(o, "%-40smm-pool\t\t%zu\t\t%zu\t\t%d\n", "[pool]",
		   KB(c.pool_max), KB(c.pool_bytes), 100);
	if (c.file_max)
		out_printf(o, "%-40sfile\t\t%zu\t\t%zu\t\t%d\n", "[file]",
			   KB(c.file_max), KB(c.file_bytes), -2);
}

/* Service time below which so many of 1,000 faults were served. */
static unsigned long percentile(unsigned of_1000)
{
	unsigned long all = 0, seen = 0;

	for (unsigned i = 0; i < NR_LATENCIES; i++)
		all += READ_ONCE(fault_latency[i]);
	for (unsigned i = 0; i < NR_LATENCIES; i++) {
		seen += READ_ONCE(fault_latency[i]);
		if (all && seen * 1000 >= all * of_1000)
			return fault_latency_ns(i) / 1000;
	}
	return 0;
}

void swap_rows(struct mm_out *o, const char *json)
{
	size_t out = READ_ONCE(pages_out);
	struct swap_counts c;

	swap_counts(&c);
	const struct row rows[] = {
		{ "Resident", pages_resident() << PAGE_SHIFT, BYTES },
		{ "Staged", READ_ONCE(pages_staged) << PAGE_SHIFT, BYTES },
		{ "Swapped", out << PAGE_SHIFT, BYTES },
		{ "SameFilled", (out - min_size(out, c.pages)) << PAGE_SHIFT,
		  BYTES },
		{ "InPool", c.pool_pages << PAGE_SHIFT, BYTES },
		{ "InFile", c.file_pages << PAGE_SHIFT, BYTES },
		{ "Zstd", c.zstd_pages << PAGE_SHIFT, BYTES },
		{ "Compressed", c.coded_bytes, BYTES },
		{ "Pool", c.pool_bytes, BYTES },
		{ "File", c.file_bytes, BYTES },
		{ "Packed", c.packed << PAGE_SHIFT, BYTES },
		{ "Ratio",
		  c.coded_bytes ? (c.pages << PAGE_SHIFT) * 100 / c.coded_bytes
				: 0,
		  HUNDREDTHS },
		{ "FaultP50", percentile(500), MICROSECONDS },
		{ "FaultP99", percentile(990), MICROSECONDS },
		{ "Errors", c.errors, COUNT },
	};

	show_rows(o, json, 10, rows, ARRAY_SIZE(rows));
}

void show_swapinfo(struct mm_out *o, const struct snapshot *s)
{
	(void)s;
	swap_rows(o, NULL);
}

static void show_line(struct mm_out *o, const char *name,
		      const struct pressure_line *l)
{
	out_printf(o, "%s ", name);
	for (unsigned i = 0; i < NR_AVERAGES; i++)
		out_printf(o, "avg%u=%u.%02u ", pressure_seconds[i],
			   l->avg[i] / 100, l->avg[i] % 100);
	out_printf(o, "total=%lu\n", l->total_us);
}

void show_pressure(struct mm_out *o, const struct snapshot *s)
{
	(void)s;
	show_line(o, "some", &pressure.some);
	show_line(o, "full", &pressure.full);
}
