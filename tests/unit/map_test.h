/* SPDX-License-Identifier: MIT */
/*
 * map_test.h - tables, addresses and chance for the tests of map/
 *
 * A table is a data structure over plain integers, so the addresses need not
 * exist on this machine.
 */
#ifndef MM_MAP_TEST_H
#define MM_MAP_TEST_H

#include "unit.h"
#include "map/tlb.h"

#define GEOM_TEST(f, bits)                                                     \
	{                                                                      \
		.name = #f "/" #bits, .test_func = f,                          \
		.initial_state = (void *)&pgtable_geom_##bits                  \
	}
#define EACH_GEOM(f) GEOM_TEST(f, 57), GEOM_TEST(f, 48), GEOM_TEST(f, 32)

#define PAGE PAGE_SIZE

/* First byte outside the geometry; the tests run on a 64-bit machine. */
static inline uintptr_t limit_of(const struct pgtable_geom *g)
{
	return 1UL << g->shift[0];
}

/* An address whose indices are small or the last, so that borders are near. */
static inline uintptr_t rnd_addr(const struct pgtable_geom *g)
{
	uintptr_t nr_slots = 1UL << (g->shift[0] - g->shift[1]), addr = 0;

	for (unsigned d = 1; d <= g->levels; d++) {
		uintptr_t i = rnd() % 4;

		addr |= (i == 3 ? nr_slots - 1 : i) << g->shift[d];
	}
	return addr;
}

/* Some slots of some level, with or without a few pages at either end. */
static inline void rnd_mapping(const struct pgtable_geom *g, struct mapping *m)
{
	unsigned d = 1 + rnd() % g->levels;
	uintptr_t start = rnd_addr(g);
	uintptr_t size = (1 + rnd() % 3) << g->shift[d];

	if (rnd() % 2)
		start = align_down(start, 1UL << g->shift[d]);
	if (rnd() % 2)
		start -= min_size(start, rnd() % 3 * PAGE);
	if (rnd() % 2)
		size += rnd() % 3 * PAGE;
	size = min_size(size, limit_of(g) - start);
	mapping_init(m, start, start + size, MAPPING_VMA);
}

static inline void map(struct pgtable *pt, struct mapping *m, uintptr_t start,
		       uintptr_t end)
{
	mapping_init(m, start, end, MAPPING_VMA);
	assert_int_equal(pgtable_map(pt, m), 0);
	validate_pgtable(pt);
}

static inline void unmap(struct pgtable *pt, struct mapping *m)
{
	pgtable_unmap(pt, m);
	validate_pgtable(pt);
}

static inline struct pgtable table_of(void **state)
{
	struct pgtable pt;

	pgtable_init(&pt, *state);
	return pt;
}

#endif
