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

static void line(struct mm_out *o, const char *name, size_t value,
		 const char *unit)
{
	out_printf(o, "%-16s%10zu%s\n", name, value, unit);
}

void show_swapinfo(struct mm_out *o, const struct snapshot *s)
{
	size_t out = READ_ONCE(pages_out);
	struct swap_counts c;
	size_t filled, hundredths;

	(void)s;
	swap_counts(&c);
	filled = out - min_size(out, c.pages);
	hundredths = c.coded_bytes
			     ? (c.pages << PAGE_SHIFT) * 100 / c.coded_bytes
			     : 0;
	line(o, "Resident:", KB(pages_resident() << PAGE_SHIFT), " kB");
	line(o, "Staged:", KB(READ_ONCE(pages_staged) << PAGE_SHIFT), " kB");
	line(o, "Swapped:", KB(out << PAGE_SHIFT), " kB");
	line(o, "SameFilled:", KB(filled << PAGE_SHIFT), " kB");
	line(o, "InPool:", KB(c.pool_pages << PAGE_SHIFT), " kB");
	line(o, "InFile:", KB(c.file_pages << PAGE_SHIFT), " kB");
	line(o, "Zstd:", KB(c.zstd_pages << PAGE_SHIFT), " kB");
	line(o, "Compressed:", KB(c.coded_bytes), " kB");
	line(o, "Pool:", KB(c.pool_bytes), " kB");
	line(o, "File:", KB(c.file_bytes), " kB");
	line(o, "Packed:", KB(c.packed << PAGE_SHIFT), " kB");
	out_printf(o, "%-16s%7zu.%02zu\n", "Ratio:", hundredths / 100,
		   hundredths % 100);
	line(o, "FaultP50:", percentile(500), " us");
	line(o, "FaultP99:", percentile(990), " us");
	line(o, "Errors:", c.errors, "");
}

void show_pressure(struct mm_out *o, const struct snapshot *s)
{
	const struct pressure *p = &pressure;

	(void)s;
	out_printf(
		o,
		"some avg10=%u.%02u avg60=%u.%02u avg300=%u.%02u total=%lu\n",
		p->avg[0] / 100, p->avg[0] % 100, p->avg[1] / 100,
		p->avg[1] % 100, p->avg[2] / 100, p->avg[2] % 100, p->total_us);
}
