/* SPDX-License-Identifier: MIT */
/*
 * unit/zone_test.h - zones for the tests of zone/ and the rooms above
 */
#ifndef MM_UNIT_ZONE_TEST_H
#define MM_UNIT_ZONE_TEST_H

#include "unit.h"
#include "side/option.h"
#include "zone/pcp.h"

/* Only in a child, once. */
static inline void start_zones(unsigned fake_nodes)
{
	option_defaults();
	if (fake_nodes) {
		mm_options.numa.word = NUMA_FAKE;
		mm_options.numa.nr = fake_nodes;
	}
	assert_int_equal(zone_init(), 0);
}

static inline struct zone *highmem(void)
{
	return &nodes[0].zone[MM_ZONE_HIGHMEM];
}

static inline size_t used_pages(const struct zone *z)
{
	return z->nr_managed - z->nr_free;
}

/* What the door does: a live run has a head. */
static inline pfn_t take_run(size_t nr, size_t align, gfp_t gfp)
{
	pfn_t pfn = alloc_run(0, MM_ZONE_HIGHMEM, nr, align, gfp);

	if (pfn) {
		page_set_type(pfn_to_page(pfn), PAGE_LARGE);
		pfn_to_page(pfn)->nr = (uint32_t)nr;
	}
	return pfn;
}

static inline void validate_all(void)
{
	for_each_zone(z)
		validate_zone(z);
}

/* Mappings of the kernel within an address range, with access rights or all. */
static inline unsigned count_mappings(uintptr_t from, uintptr_t to, bool all)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[512], rights;
	unsigned n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %c", &start, &end, &rights) == 3)
			n += start < to && end > from && (all || rights == 'r');
	fclose(f);
	return n;
}

#endif
