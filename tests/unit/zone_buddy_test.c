// SPDX-License-Identifier: MIT
/*
 * unit/zone_buddy_test.c - blocks that split, merge and are never written
 */
#include "zone_test.h"
#include "os/os.h"

/* Free blocks of every order, whether dirty or not. */
struct census {
	size_t blocks[NR_ORDERS];
};

static struct census take_census(const struct zone *z)
{
	struct census c;

	for (unsigned o = 0; o < NR_ORDERS; o++)
		c.blocks[o] = (size_t)z->area[o].nr[0] + z->area[o].nr[1];
	return c;
}

static void assert_census(const struct zone *z, const struct census *before)
{
	struct census now = take_census(z);

	for (unsigned o = 0; o < NR_ORDERS; o++)
		assert_int_equal(now.blocks[o], before->blocks[o]);
}

static bool is_block(pfn_t pfn, unsigned order)
{
	const struct page *page = pfn_to_page(pfn);

	return page->type == PAGE_BUDDY && page->order == order;
}

/* A zone that has grown to @nr pages at least, all of them free. */
static struct zone *grown_zone(size_t nr)
{
	struct zone *z;
	pfn_t pfn;

	start_zones(0);
	z = highmem();
	pfn = take_run(nr, 1, GFP_DEFAULT);
	assert_true(pfn);
	free_run(pfn, nr);
	validate_zone(z);
	assert_int_equal(used_pages(z), 0);
	return z;
}

static void buddy_merges_only_with_its_buddy(void)
{
	struct zone *z = grown_zone(4096);
	struct census before = take_census(z);
	pfn_t p = take_run(8, 8, GFP_DEFAULT);

	/* 0123 4567: the upper half stays, so that nothing merges beyond it */
	free_run(p + 1, 1);
	free_run(p + 2, 1);
	/* neighbours, but not buddies */
	assert_true(is_block(p + 1, 0));
	assert_true(is_block(p + 2, 0));
	free_run(p, 1);
	assert_true(is_block(p, 1));
	assert_true(is_block(p + 2, 0));
	assert_int_equal(pfn_to_page(p + 1)->type, PAGE_TAIL);
	validate_zone(z);
	free_run(p + 3, 1);
	assert_true(is_block(p, 2));
	/* orders differ: a buddy that is cut is no buddy */
	free_run(p + 4, 2);
	assert_true(is_block(p, 2));
	assert_true(is_block(p + 4, 1));
	validate_zone(z);
	free_run(p + 6, 2);
	validate_zone(z);
	assert_census(z, &before);
}

static void every_order_splits_and_merges_back(void)
{
	struct zone *z = grown_zone(8192);
	struct census before = take_census(z);

	for (unsigned o = 0; o < NR_ORDERS; o++) {
		size_t nr = 1UL << o;
		pfn_t pfn = take_run(nr, 1, GFP_DEFAULT);

		assert_int_equal(pfn % nr, 0);
		assert_int_equal(used_pages(z), nr);
		validate_zone(z);
		free_run(pfn, nr);
		validate_zone(z);
		assert_census(z, &before);
	}
}

static void freed_in_any_order_everything_merges(void)
{
	struct zone *z = grown_zone(4096);
	struct census before = take_census(z);
	pfn_t run[1000];

	seed_rnd(__func__);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++)
			run[i] = take_run(1 + (size_t)i % 3, 1, GFP_DEFAULT);
		validate_zone(z);
		for (int i = 999; i >= 0; i--) {
			int k = (int)(rnd() % (unsigned)(i + 1));

			free_run(run[k], pfn_to_page(run[k])->nr);
			run[k] = run[i];
		}
		validate_zone(z);
		assert_census(z, &before);
	}
}

static void tails_are_given_back_at_once(void)
{
	struct zone *z = grown_zone(4096);
	struct census before = take_census(z);
	pfn_t pfn = take_run(17, 1, GFP_DEFAULT);

	/* 32 were taken, 15 are free again: 1 + 2 + 4 + 8 */
	assert_int_equal(pfn % 32, 0);
	assert_int_equal(used_pages(z), 17);
	assert_true(is_block(pfn + 17, 0));
	assert_true(is_block(pfn + 18, 1));
	assert_true(is_block(pfn + 20, 2));
	assert_true(is_block(pfn + 24, 3));
	free_run(pfn, 17);
	assert_census(z, &before);
	for (size_t nr = 1; nr <= 3 * MAX_ORDER_PAGES; nr += 1 + nr / 16) {
		pfn = take_run(nr, 1, GFP_DEFAULT);
		assert_int_equal(used_pages(z), nr);
		validate_zone(z);
		free_run(pfn, nr);
		assert_census(z, &before);
	}
}

static void runs_start_where_they_are_asked_to(void)
{
	struct zone *z = grown_zone(4096);
	pfn_t odd = take_run(1, 1, GFP_DEFAULT);

	for (size_t align = 1; align <= MAX_ORDER_PAGES; align *= 2) {
		for (size_t nr = 1; nr <= 2500; nr = nr * 3 + 1) {
			pfn_t pfn = take_run(nr, align, GFP_DEFAULT);

			assert_true(pfn);
			assert_int_equal(pfn_index(pfn) % align, 0);
			assert_int_equal(used_pages(z), nr + 1);
			validate_zone(z);
			free_run(pfn, nr);
		}
	}
	free_run(odd, 1);
	assert_int_equal(used_pages(z), 0);
}

static void runs_of_several_largest_blocks_are_adjacent(void)
{
	struct zone *z = grown_zone(16384);
	struct census before = take_census(z);
	pfn_t a = take_run(5000, 1, GFP_DEFAULT);
	pfn_t b = take_run(MAX_ORDER_PAGES + 1, 1, GFP_DEFAULT);
	pfn_t c = take_run(4 * MAX_ORDER_PAGES, MAX_ORDER_PAGES, GFP_DEFAULT);

	assert_int_equal(used_pages(z), 5000 + 5 * MAX_ORDER_PAGES + 1);
	assert_int_equal(pfn_index(c) % MAX_ORDER_PAGES, 0);
	assert_true(a + 5000 <= b || b + MAX_ORDER_PAGES + 1 <= a);
	fill(pfn_to_addr(a), 5000 * PAGE_SIZE, 0);
	assert_true(is_filled(pfn_to_addr(a), 5000 * PAGE_SIZE, 0));
	validate_zone(z);
	free_run(b, MAX_ORDER_PAGES + 1);
	free_run(a, 5000);
	free_run(c, 4 * MAX_ORDER_PAGES);
	validate_zone(z);
	assert_census(z, &before);
}

static void runs_are_made_of_blocks_of_any_order(void)
{
	struct zone *z = grown_zone(8 * MAX_ORDER_PAGES);
	struct census before = take_census(z);
	size_t managed = z->nr_managed;
	pfn_t a = take_run(3000, 1, GFP_DEFAULT);
	pfn_t b = take_run(2200, 1, GFP_DEFAULT), c;

	/* from the middle of a block, across a border */
	assert_int_equal(b, a + 3000);
	/* what is aligned starts at a border */
	c = take_run(MAX_ORDER_PAGES, 64, GFP_DEFAULT);
	assert_int_equal(pfn_index(c) % 64, 0);
	validate_zone(z);
	free_run(a, 3000);
	validate_zone(z);
	/* a hole of 3000 pages, and what is left at the end */
	a = take_run(2900, 1, GFP_DEFAULT);
	assert_true(a + 2900 <= b);
	assert_int_equal(used_pages(z), 2900 + 2200 + MAX_ORDER_PAGES);
	free_run(b, 2200);
	free_run(a, 2900);
	free_run(c, MAX_ORDER_PAGES);
	validate_zone(z);
	assert_int_equal(z->nr_managed, managed);
	assert_census(z, &before);
}

static void hole_too_small_for_a_run_is_passed_over(void)
{
	struct zone *z = grown_zone(16 * MAX_ORDER_PAGES);
	pfn_t a = take_run(2 * MAX_ORDER_PAGES, 1, GFP_DEFAULT);
	pfn_t b = take_run(MAX_ORDER_PAGES, 1, GFP_DEFAULT);
	pfn_t c;

	free_run(a, 2 * MAX_ORDER_PAGES);
	c = take_run(3 * MAX_ORDER_PAGES, 1, GFP_DEFAULT);
	assert_true(c + 3 * MAX_ORDER_PAGES <= b || b + MAX_ORDER_PAGES <= c);
	assert_int_equal(used_pages(z), 4 * MAX_ORDER_PAGES);
	validate_zone(z);
	free_run(b, MAX_ORDER_PAGES);
	free_run(c, 3 * MAX_ORDER_PAGES);
	validate_zone(z);
}

/* ---- contents ---- */

#define NR_RUNS 200

static void free_pages_are_never_written(void)
{
	struct zone *z = grown_zone(16384);
	struct {
		pfn_t pfn;
		size_t nr;
	} run[NR_RUNS];

	seed_rnd(__func__);
	for (int i = 0; i < NR_RUNS; i++) {
		run[i].nr = 1 + rnd() % 60;
		run[i].pfn = take_run(run[i].nr, 1, GFP_TOUCH);
		fill(pfn_to_addr(run[i].pfn), run[i].nr * PAGE_SIZE, 0);
	}
	validate_zone(z);
	/* split and merge them all ways, and look what is in them */
	for (int round = 0; round < 4; round++) {
		for (int i = round % 2; i < NR_RUNS; i += 2)
			free_run(run[i].pfn, run[i].nr);
		validate_zone(z);
		for (int i = 0; i < NR_RUNS; i++)
			assert_true(is_filled(pfn_to_addr(run[i].pfn),
					      run[i].nr * PAGE_SIZE, 0));
		for (int i = round % 2; i < NR_RUNS; i += 2) {
			run[i].nr = 1 + rnd() % 60;
			run[i].pfn = take_run(run[i].nr, 1, GFP_TOUCH);
			fill(pfn_to_addr(run[i].pfn), run[i].nr * PAGE_SIZE, 0);
		}
	}
}

static void pages_nobody_touches_get_no_memory(void)
{
	struct zone *z = grown_zone(4096);
	pfn_t run[500];

	for (int i = 0; i < 500; i++)
		run[i] = take_run(1 + (size_t)i % 9, 1,
				  i % 2 ? GFP_ZERO : GFP_DEFAULT);
	for (int i = 0; i < 500; i++)
		free_run(run[i], pfn_to_page(run[i])->nr);
	validate_zone(z);
	assert_int_equal(os_resident(pfn_to_addr(z->span[0].start),
				     z->nr_managed << PAGE_SHIFT),
			 0);
}

static void zero_means_zero_and_clears_only_what_is_dirty(void)
{
	struct zone *z = grown_zone(4096);
	pfn_t pfn = take_run(64, 64, GFP_TOUCH);
	char *p = pfn_to_addr(pfn);

	assert_int_equal(z->nr_present, 64);
	fill(p, 64 * PAGE_SIZE, 0);
	free_run(pfn, 64);
	assert_int_equal(z->nr_dirty, 64);
	/* 64 dirty pages, 64 clean ones behind them */
	assert_int_equal(take_run(128, 128, GFP_ZERO), pfn);
	assert_true(is_zero(p, 64 * PAGE_SIZE));
	assert_int_equal(os_resident(p + 64 * PAGE_SIZE, 64 * PAGE_SIZE), 0);
	assert_true(is_zero(p, 128 * PAGE_SIZE));
	assert_int_equal(z->nr_dirty, 0);
	assert_int_equal(z->nr_present, 128);
	free_run(pfn, 128);
	validate_zone(z);
}

static void dirty_pages_are_used_first(void)
{
	struct zone *z = grown_zone(4096);
	pfn_t pfn = take_run(16, 16, GFP_TOUCH), guard, first;

	guard = take_run(16, 16, GFP_DEFAULT);
	free_run(pfn, 16);
	assert_int_equal(z->nr_dirty, 16);
	for (int i = 0; i < 16; i++) {
		first = take_run(1, 1, GFP_TOUCH);
		assert_in_range(first, pfn, pfn + 15);
	}
	assert_int_equal(z->nr_dirty, 0);
	assert_int_equal(z->nr_present, 16);
	assert_false(guard >= pfn && guard < pfn + 16);
	validate_zone(z);
}

static void purged_pages_are_clean_and_zero(void)
{
	struct zone *z = grown_zone(4096);
	pfn_t pfn = take_run(300, 1, GFP_TOUCH), block;
	char *p = pfn_to_addr(pfn);
	size_t nr, purged = 0;

	fill(p, 300 * PAGE_SIZE, 0);
	free_run(pfn + 100, 200);
	while ((block = isolate_dirty(z, 0, 0, &nr))) {
		assert_int_equal(pfn_to_page(block)->type, PAGE_ISOLATED);
		validate_zone(z);
		purged += purge_run(block, nr);
		free_run(block, nr);
	}
	validate_zone(z);
	assert_int_equal(purged, 200);
	assert_int_equal(z->nr_dirty, 0);
	assert_int_equal(z->nr_present, 100);
	assert_true(is_filled(p, 100 * PAGE_SIZE, 0));
	assert_int_equal(os_resident(p, 300 * PAGE_SIZE), 100 * PAGE_SIZE);
	assert_true(is_zero(p + 100 * PAGE_SIZE, 200 * PAGE_SIZE));
}

static void forgotten_pages_are_untouched(void)
{
	struct zone *z = grown_zone(4096);
	pfn_t pfn = take_run(32, 32, GFP_TOUCH);

	forget_pages(pfn, 16);
	assert_int_equal(z->nr_present, 16);
	assert_int_equal(page_dirty(pfn, 32), 16);
	touch_pages(pfn, 4, GFP_DEFAULT);
	touch_pages(pfn, 4, GFP_DEFAULT);
	assert_int_equal(z->nr_present, 20);
	free_run(pfn, 32);
	assert_int_equal(z->nr_dirty, 20);
	validate_zone(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(buddy_merges_only_with_its_buddy),
		CHILD_TEST(every_order_splits_and_merges_back),
		CHILD_TEST(freed_in_any_order_everything_merges),
		CHILD_TEST(tails_are_given_back_at_once),
		CHILD_TEST(runs_start_where_they_are_asked_to),
		CHILD_TEST(runs_of_several_largest_blocks_are_adjacent),
		CHILD_TEST(runs_are_made_of_blocks_of_any_order),
		CHILD_TEST(hole_too_small_for_a_run_is_passed_over),
		CHILD_TEST(free_pages_are_never_written),
		CHILD_TEST(pages_nobody_touches_get_no_memory),
		CHILD_TEST(zero_means_zero_and_clears_only_what_is_dirty),
		CHILD_TEST(dirty_pages_are_used_first),
		CHILD_TEST(purged_pages_are_clean_and_zero),
		CHILD_TEST(forgotten_pages_are_untouched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
