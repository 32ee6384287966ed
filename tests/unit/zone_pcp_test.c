// SPDX-License-Identifier: MIT
/*
 * unit/zone_pcp_test.c - a thread's lists of free runs
 */
#include "zone_test.h"

static struct pcp pcp;

static void push(size_t nr)
{
	pfn_t pfn = take_run(nr, 1, GFP_TOUCH);

	assert_true(pcp_push(&pcp, pfn, nr, false));
	assert_int_equal(pfn_to_page(pfn)->type, PAGE_PCP);
}

static void runs_come_back_by_length_last_in_first_out(void)
{
	pfn_t a, b, c;

	start_zones(0);
	a = take_run(3, 1, GFP_DEFAULT);
	b = take_run(3, 1, GFP_DEFAULT);
	c = take_run(4, 1, GFP_DEFAULT);
	assert_true(pcp_push(&pcp, a, 3, false));
	assert_true(pcp_push(&pcp, b, 3, false));
	assert_true(pcp_push(&pcp, c, 4, false));
	assert_int_equal(pcp.nr_pages, 10);
	assert_int_equal(pcp_pop(&pcp, 2), 0);
	assert_int_equal(pcp_pop(&pcp, 3), b);
	assert_int_equal(pcp_pop(&pcp, 3), a);
	assert_int_equal(pcp_pop(&pcp, 3), 0);
	assert_int_equal(pcp_pop(&pcp, 4), c);
	assert_int_equal(pcp.nr_pages, 0);
	assert_int_equal(pcp_pop(&pcp, PCP_MAX_RUN + 1), 0);
}

static void lists_refuse_what_is_long_or_too_much(void)
{
	pfn_t pfn;

	start_zones(0);
	pfn = take_run(PCP_MAX_RUN + 1, 1, GFP_DEFAULT);
	assert_false(pcp_push(&pcp, pfn, PCP_MAX_RUN + 1, false));
	assert_int_equal(pfn_to_page(pfn)->type, PAGE_LARGE);
	while (pcp.nr_pages + PCP_MAX_RUN <= PCP_HIGH)
		push(PCP_MAX_RUN);
	assert_false(pcp_push(&pcp, pfn, PCP_MAX_RUN, false));
	assert_true(pcp.nr_pages <= PCP_HIGH);
	while (pcp.nr_pages < PCP_HIGH)
		push(1);
	assert_false(pcp_push(&pcp, pfn, 1, false));
	pcp_drain(&pcp, 0);
	assert_true(pcp_push(&pcp, pfn, 1, false));
}

static void drained_runs_are_free_in_their_zone(void)
{
	size_t used = 0, length[] = { 1, 1, 2, 5, 17, 32, 32, 1, 3 };

	start_zones(0);
	for (size_t i = 0; i < ARRAY_SIZE(length); i++) {
		push(length[i]);
		used += length[i];
	}
	assert_int_equal(pcp.nr_pages, used);
	assert_int_equal(pcp_present(&pcp), used);
	assert_int_equal(used_pages(highmem()), used);
	validate_zone(highmem());
	/* the long ones go first, and no more than are asked for */
	pcp_drain(&pcp, used - 1);
	assert_int_equal(pcp.nr_pages, used - 32);
	pcp_drain(&pcp, 10);
	assert_true(pcp.nr_pages <= 10);
	assert_true(pcp_pop(&pcp, 1));
	assert_int_equal(pcp_present(&pcp), pcp.nr_pages);
	validate_zone(highmem());
	pcp_drain(&pcp, 0);
	assert_int_equal(pcp.nr_pages, 0);
	/* but for the one that was taken out */
	assert_int_equal(used_pages(highmem()), 1);
	assert_int_equal(highmem()->nr_dirty, used - 1);
	validate_zone(highmem());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(runs_come_back_by_length_last_in_first_out),
		CHILD_TEST(lists_refuse_what_is_long_or_too_much),
		CHILD_TEST(drained_runs_are_free_in_their_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
