// SPDX-License-Identifier: MIT
/*
 * unit/zone_node_test.c - nodes, their order, watermarks, further windows
 */
#include "zone_test.h"
#include "map/memmap.h"

#define RUN 16UL /* pages */

/* All runs of a test, linked through their first words. */
static pfn_t all_runs;

static pfn_t take_from(unsigned nid, size_t nr)
{
	pfn_t pfn = alloc_run(nid, MM_ZONE_HIGHMEM, nr, nr, GFP_TOUCH);

	if (pfn) {
		*(pfn_t *)pfn_to_addr(pfn) = all_runs;
		all_runs = pfn;
	}
	return pfn;
}

static void free_all(size_t nr)
{
	while (all_runs) {
		pfn_t pfn = all_runs;

		all_runs = *(pfn_t *)pfn_to_addr(pfn);
		free_run(pfn, nr);
	}
}

/* ---- nodes ---- */

static void machine_without_pretence_has_its_own_nodes(void)
{
	start_zones(0);
	assert_false(numa_is_fake);
	assert_int_equal(nr_nodes, __builtin_popcountl(os_nodes_allowed()));
	for (unsigned i = 0; i < nr_nodes; i++)
		assert_true(os_nodes_allowed() >> nodes[i].phys & 1);
	validate_all();
}

static void numa_off_makes_one_node_of_the_machine(void)
{
	option_defaults();
	mm_options.numa.word = NUMA_OFF;
	assert_int_equal(zone_init(), 0);
	assert_int_equal(nr_nodes, 1);
}

static void zones_divide_every_window(void)
{
	for (unsigned n = 1; n <= MAX_NODES; n = n * 2 + 1)
		if (!start_child()) {
			size_t pages = 0;

			start_zones(n);
			assert_int_equal(nr_nodes, n);
			for_each_zone(z) {
				const struct span *s = &z->span[0];

				assert_int_equal(z->nr_spans, 1);
				pages += s->end - s->start;
				if (s->start == s->end)
					continue;
				assert_ptr_equal(page_zone(s->start), z);
				assert_ptr_equal(page_zone(s->end - 1), z);
			}
			/* but for the slices that no node has */
			assert_int_equal(pages,
					 n * (1UL << windows[0].slice_shift));
			assert_true(pages > windows[0].nr_pages / 2);
			end_child();
		}
	for (unsigned n = 1; n <= MAX_NODES; n = n * 2 + 1)
		assert_int_equal(child_status(-1), 0);
}

static void fallback_starts_at_home_and_has_every_node_once(void)
{
	start_zones(4);
	for (unsigned nid = 0; nid < 4; nid++) {
		/* equally far nodes are spread */
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(nodes[nid].fallback[i], (nid + i) % 4);
	}
}

static void runs_come_from_the_zone_and_node_asked_for(void)
{
	start_zones(4);
	for (unsigned nid = 0; nid < 4; nid++)
		for (int t = 0; t < MM_NR_ZONES; t++) {
			pfn_t pfn = alloc_run(nid, (enum mm_zone_type)t, RUN, 1,
					      GFP_TOUCH);

			assert_true(pfn);
			assert_ptr_equal(page_zone(pfn), &nodes[nid].zone[t]);
			fill(pfn_to_addr(pfn), RUN * PAGE_SIZE, 0);
		}
	validate_all();
	for_each_zone(z) {
		assert_int_equal(z->stats.n[STAT_numa_miss], 0);
		assert_int_equal(z->stats.n[STAT_numa_foreign], 0);
		assert_int_equal(z->stats.n[STAT_numa_other], 0);
	}
}

/* ---- exhaustion, in a window of 64 MiB ---- */

static void exhausted_node_falls_over_to_the_nearest(void)
{
	struct zone *list[8], *last = NULL;
	size_t missed = 0;
	unsigned at = 0;
	pfn_t pfn;

	limit_address_space(MIB(256));
	start_zones(4);
	for (unsigned i = 0; i < 8; i++)
		list[i] = &nodes[(1 + i / 2) % 4].zone[i % 2 ? MM_ZONE_NORMAL
							     : MM_ZONE_HIGHMEM];
	for (;;) {
		pfn = take_from(1, RUN);
		assert_true(pfn);
		if (nr_windows > 1 || page_zone(pfn) == last)
			break;
		/* this zone, and no other, until it is at its mark */
		assert_ptr_equal(page_zone(pfn), list[at]);
		while (used_pages(list[at]) + RUN +
			       list[at]->wmark[WMARK_LOW] <=
		       list[at]->nr_spanned) {
			pfn = take_from(1, RUN);
			assert_ptr_equal(page_zone(pfn), list[at]);
		}
		last = list[at++];
		if (at == ARRAY_SIZE(list))
			break;
	}
	assert_int_equal(at, ARRAY_SIZE(list));
	assert_int_equal(nr_windows, 1);
	for_each_zone(z) {
		size_t miss = z->stats.n[STAT_numa_miss];

		/* all that the others have given was for node 1 */
		assert_int_equal(miss, z->nid == 1 ? 0 : used_pages(z));
		missed += miss;
	}
	assert_int_equal(
		missed,
		nodes[1].zone[MM_ZONE_HIGHMEM].stats.n[STAT_numa_foreign] +
			nodes[1].zone[MM_ZONE_NORMAL]
				.stats.n[STAT_numa_foreign]);
	validate_all();
	/* what lies below the marks is used before there is another window */
	pfn = take_from(1, RUN);
	assert_ptr_equal(page_zone(pfn), &nodes[1].zone[MM_ZONE_HIGHMEM]);
	assert_true(used_pages(page_zone(pfn)) +
			    page_zone(pfn)->wmark[WMARK_LOW] >
		    page_zone(pfn)->nr_spanned);
	free_all(RUN);
	validate_all();
	for_each_zone(z)
		assert_int_equal(used_pages(z), 0);
}

static void marks_are_in_order_and_part_of_the_zone(void)
{
	start_zones(3);
	for_each_zone(z) {
		assert_true(z->wmark[WMARK_MIN] <= z->wmark[WMARK_LOW]);
		assert_true(z->wmark[WMARK_LOW] <= z->wmark[WMARK_HIGH]);
		assert_true(z->wmark[WMARK_HIGH] <= z->nr_spanned);
		if (z->nr_spanned >= 1024)
			assert_true(z->wmark[WMARK_MIN] < z->wmark[WMARK_HIGH]);
	}
}

static void full_window_is_followed_by_another(void)
{
	struct mapping *m;
	size_t nr = 0;
	pfn_t pfn;

	limit_address_space(MIB(256));
	start_zones(0);
	do {
		pfn = take_from(0, RUN);
		assert_true(pfn);
		nr += RUN;
	} while (pfn_window(pfn) == &windows[0]);
	assert_int_equal(nr_windows, 2);
	/* all of the first was used: what is left is DMA's */
	assert_true(nr + nodes[0].zone[MM_ZONE_DMA].nr_spanned >=
		    windows[0].nr_pages);
	for (int i = 0; i < 500; i++)
		assert_true(take_from(0, RUN));
	m = map_find(NULL, (uintptr_t)pfn_to_addr(pfn) + 1);
	assert_non_null(m);
	assert_int_equal(m->kind, MAPPING_WINDOW);
	assert_ptr_equal(mapping_window(m), &windows[1]);
	assert_ptr_equal(map_window(NULL, windows[0].base), &windows[0]);
	assert_null(map_window(NULL, windows[1].base + windows[1].size));
	fill(pfn_to_addr(pfn) + 8, RUN * PAGE_SIZE - 8, 0);
	validate_all();
	free_all(RUN);
	validate_all();
	assert_int_equal(used_pages(highmem()), 0);
}

static void no_memory_is_no_run_and_no_harm(void)
{
	unsigned nr = 0, again = 0;
	size_t windows_then;

	limit_address_space(MIB(128));
	start_zones(2);
	while (take_from(0, RUN))
		nr++;
	windows_then = nr_windows;
	assert_true(nr * RUN * PAGE_SIZE > MIB(32));
	assert_int_equal(take_from(1, RUN), 0);
	assert_int_equal(take_from(0, RUN), 0);
	assert_int_equal(take_from(0, MAX_ORDER_PAGES), 0);
	validate_all();
	free_all(RUN);
	while (take_from(1, RUN))
		again++;
	assert_int_equal(again, nr);
	assert_int_equal(nr_windows, windows_then);
	free_all(RUN);
	validate_all();
	for_each_zone(z)
		assert_int_equal(used_pages(z), 0);
}

static void run_that_fits_no_window_is_refused(void)
{
	limit_address_space(MIB(256));
	start_zones(0);
	assert_int_equal(take_run(MIB(512) >> PAGE_SHIFT, 1, GFP_DEFAULT), 0);
	assert_true(take_run(1, 1, GFP_DEFAULT));
	validate_all();
}

static void run_larger_than_what_is_left_gets_a_window(void)
{
	size_t nr;
	pfn_t pfn;

	limit_address_space(MIB(512));
	start_zones(0);
	nr = windows[0].nr_pages * 5 / 8;
	pfn = take_run(nr, 1, GFP_DEFAULT);
	assert_true(pfn);
	assert_ptr_equal(pfn_window(pfn), &windows[0]);
	pfn = take_run(nr, 1, GFP_DEFAULT);
	assert_true(pfn);
	assert_ptr_equal(pfn_window(pfn), &windows[1]);
	fill(pfn_to_addr(pfn + (pfn_t)nr - 1), PAGE_SIZE, 0);
	validate_all();
}

/* ---- growing in place ---- */

static void runs_grow_only_into_free_pages(void)
{
	pfn_t a, b;

	start_zones(0);
	a = take_run(64, 64, GFP_TOUCH);
	b = take_run(64, 64, GFP_TOUCH);
	if (a > b) {
		pfn_t other = a;

		a = b;
		b = other;
	}
	assert_int_equal(b, a + 64);
	fill(pfn_to_addr(a), 64 * PAGE_SIZE, 0);
	fill(pfn_to_addr(b), 64 * PAGE_SIZE, 0);
	assert_false(expand_run(a, 64, 1));
	free_run(b, 64);
	assert_true(expand_run(a, 64, 3));
	assert_int_equal(used_pages(highmem()), 67);
	validate_all();
	/* over the border of what the zone has grown to */
	assert_true(expand_run(a, 67, 5000));
	assert_int_equal(used_pages(highmem()), 5067);
	validate_all();
	assert_true(is_filled(pfn_to_addr(a), 128 * PAGE_SIZE, 0));
	memset(pfn_to_addr(a + 5066), 1, PAGE_SIZE);
	free_run(a, 5067);
	validate_all();
}

static void runs_do_not_grow_beyond_their_zone(void)
{
	struct zone *dma;
	pfn_t pfn;

	start_zones(0);
	dma = &nodes[0].zone[MM_ZONE_DMA];
	pfn = alloc_run(0, MM_ZONE_DMA, 1, 1, GFP_DEFAULT);
	assert_false(expand_run(pfn, 1, dma->nr_spanned));
	assert_int_equal(used_pages(dma), 1);
	validate_all();
}

static void child_of_a_fork_can_use_its_zones(void)
{
	pid_t pid;

	start_zones(2);
	assert_true(take_from(0, RUN));
	zone_fork(FORK_PREPARE);
	pgtable_fork(&mm_pgtable, FORK_PREPARE);
	pid = start_child();
	if (!pid) {
		lock_forget_held();
		pgtable_fork(&mm_pgtable, FORK_CHILD);
		zone_fork(FORK_CHILD);
		assert_true(take_from(1, RUN));
		free_all(RUN);
		validate_all();
		end_child();
	}
	pgtable_fork(&mm_pgtable, FORK_PARENT);
	zone_fork(FORK_PARENT);
	free_all(RUN);
	validate_all();
	assert_int_equal(child_status(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(machine_without_pretence_has_its_own_nodes),
		CHILD_TEST(numa_off_makes_one_node_of_the_machine),
		CHILD_TEST(zones_divide_every_window),
		CHILD_TEST(fallback_starts_at_home_and_has_every_node_once),
		CHILD_TEST(runs_come_from_the_zone_and_node_asked_for),
		CHILD_TEST(exhausted_node_falls_over_to_the_nearest),
		CHILD_TEST(marks_are_in_order_and_part_of_the_zone),
		CHILD_TEST(full_window_is_followed_by_another),
		CHILD_TEST(no_memory_is_no_run_and_no_harm),
		CHILD_TEST(run_that_fits_no_window_is_refused),
		CHILD_TEST(run_larger_than_what_is_left_gets_a_window),
		CHILD_TEST(runs_grow_only_into_free_pages),
		CHILD_TEST(runs_do_not_grow_beyond_their_zone),
		CHILD_TEST(child_of_a_fork_can_use_its_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
