/* SPDX-License-Identifier: MIT */
/*
 * rooms.c - the lower rooms of libmm by themselves: page table, TLB, buddies
 *
 * Every lookup and every split is checked, and a wrong one aborts: what is
 * fast here is also right.
 */
#include "../shim/shim.h"
#include "map/tlb.h"
#include "side/option.h"
#include "zone/zone.h"

/* One page in every MiB of the lowest 4 GiB, which all geometries have. */
#define NR_BLOCKS 4096L
#define BLOCK_GAP MIB(1)
#define NR_GIBS	  4

/* Prime to NR_BLOCKS: the next block looked up is never a near one. */
#define FAR_STEP 1597

#define NR_PAIRS 256 /* of alloc_run() and free_run() between two checks */

static struct mapping blocks[NR_BLOCKS];

static struct pgtable tables[] = {
	{ .geom = &pgtable_geom_57 },
	{ .geom = &pgtable_geom_48 },
	{ .geom = &pgtable_geom_32 },
};

static struct pgtable *table_of(long address_bits)
{
	struct pgtable *pt = tables;

	while (pt->geom->shift[0] != address_bits)
		pt++;
	return pt;
}

static void map_blocks(struct pgtable *pt)
{
	for (long i = 0; i < NR_BLOCKS; i++) {
		uintptr_t start = (uintptr_t)i * BLOCK_GAP;

		mapping_init(&blocks[i], start, start + PAGE_SIZE, MAPPING_VMA);
		BUG_ON(pgtable_map(pt, &blocks[i]));
	}
}

static void unmap_blocks(struct pgtable *pt)
{
	for (long i = 0; i < NR_BLOCKS; i++)
		pgtable_unmap(pt, &blocks[i]);
}

static struct mapping *far_block(long i)
{
	return &blocks[i * FAR_STEP % NR_BLOCKS];
}

static void walk(struct bench *b)
{
	struct pgtable *pt = table_of(bench_arg(b));
	size_t lost = 0;

	map_blocks(pt);
	while (bench_loop(b, NR_BLOCKS)) {
		for (long i = 0; i < NR_BLOCKS; i++) {
			struct mapping *m = far_block(i);

			lost += pgtable_find(pt, m->start) != m;
		}
	}
	unmap_blocks(pt);
	BUG_ON(lost);
}

static __flatten void look_up(struct bench *b, struct tlb *tlb, bool outdated)
{
	size_t lost = 0;

	map_blocks(&mm_pgtable);
	while (bench_loop(b, NR_BLOCKS)) {
		for (long i = 0; i < NR_BLOCKS; i++) {
			struct mapping *m = far_block(i);

			/* what any unmap does to every TLB */
			if (outdated)
				WRITE_ONCE(tlb_epoch, tlb_epoch + 1);
			lost += tlb_find(tlb, m->start) != m;
		}
	}
	unmap_blocks(&mm_pgtable);
	BUG_ON(lost);
}

static void tlb_hit(struct bench *b)
{
	struct tlb tlb = { 0 };

	look_up(b, &tlb, false);
	BUG_ON(tlb.misses != NR_GIBS);
}

static void tlb_miss(struct bench *b)
{
	struct tlb tlb = { 0 };

	look_up(b, &tlb, true);
	BUG_ON(tlb.hits);
}

/* All free pages of the zone in blocks of the largest order. */
static void grow_zone(void)
{
	size_t nr = 4 * MAX_ORDER_PAGES;
	pfn_t pfn;

	option_defaults();
	BUG_ON(zone_init());
	pfn = alloc_run(0, MM_ZONE_HIGHMEM, nr, 1, GFP_DEFAULT);
	BUG_ON(!pfn);
	free_run(pfn, nr);
}

static void buddy(struct bench *b)
{
	const uint64_t *splits =
		&nodes[0].zone[MM_ZONE_HIGHMEM].stats.n[STAT_buddy_split];
	size_t nr = (size_t)bench_arg(b);
	uint64_t expected = *splits;

	while (bench_loop(b, NR_PAIRS)) {
		for (int i = 0; i < NR_PAIRS; i++) {
			pfn_t pfn = alloc_run(0, MM_ZONE_HIGHMEM, nr, 1,
					      GFP_DEFAULT);

			BUG_ON(!pfn);
			page_set_type(pfn_to_page(pfn), PAGE_LARGE);
			free_run(pfn, nr);
		}
		expected += NR_PAIRS * (MAX_PAGE_ORDER - order_up(nr));
		BUG_ON(*splits != expected);
	}
}

int main(int argc, char **argv)
{
	grow_zone();
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		bench_add("walk", walk, tables[i].geom->shift[0]);
	bench_add("tlb-hit", tlb_hit, PGTABLE_GEOM->shift[0]);
	bench_add("tlb-miss", tlb_miss, PGTABLE_GEOM->shift[0]);
	bench_add("buddy", buddy, 1);
	bench_add("buddy", buddy, MAX_ORDER_PAGES);
	return bench_main(argc, argv);
}
