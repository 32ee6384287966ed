// SPDX-License-Identifier: MIT
/*
 * unit/base_test.c - bits and lists
 */
#include "unit.h"
#include "base/list.h"

/* ---- bits ---- */

static void rounding_hits_the_neighbouring_multiples(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 20; shift++) {
		size_t a = 1UL << shift;

		for (size_t x = 0; x < 5000; x += 7) {
			assert_int_equal(align_down(x, a), x / a * a);
			assert_int_equal(align_up(x, a), (x + a - 1) / a * a);
		}
		assert_int_equal(align_down(SIZE_MAX, a), SIZE_MAX - a + 1);
		assert_int_equal(align_up(SIZE_MAX - a + 1, a),
				 SIZE_MAX - a + 1);
	}
	/* the callers look for this */
	assert_int_equal(align_up(SIZE_MAX, PAGE_SIZE), 0);
}

static void logarithms_bracket_every_size(void **state)
{
	(void)state;
	for (size_t x = 1; x < 100000; x++) {
		assert_true(1UL << ilog2(x) <= x && x < 2UL << ilog2(x));
		assert_true(1UL << order_up(x) >= x);
		assert_true(x == 1 || 1UL << order_up(x) < 2 * x);
		assert_int_equal(is_power_of_2(x), ilog2(x) == order_up(x));
	}
	for (unsigned shift = 1; shift < 64; shift++) {
		size_t x = 1UL << shift;

		assert_int_equal(ilog2(x), shift);
		assert_int_equal(ilog2(x - 1), shift - 1);
		assert_int_equal(ilog2(x | 1), shift);
		assert_int_equal(order_up(x), shift);
		if (shift < 63)
			assert_int_equal(order_up(x + 1), shift + 1);
	}
	assert_int_equal(order_up(0), 0);
	assert_false(is_power_of_2(0));
}

static void smaller_and_larger_are_told_apart_as_unsigned(void **state)
{
	(void)state;
	assert_int_equal(min_size(1, SIZE_MAX), 1);
	assert_int_equal(min_size(SIZE_MAX, 1), 1);
	assert_int_equal(max_size(1, SIZE_MAX), SIZE_MAX);
	assert_int_equal(max_size(SIZE_MAX, 1), SIZE_MAX);
	assert_int_equal(min_size(5, 5), max_size(5, 5));
}

/* ---- lists ---- */

struct item {
	int nr;
	struct list_head list;
};

/* The items of a list as decimal digits; 1 stands before the first. */
static int digits(struct list_head *head)
{
	struct item *pos;
	int n = 1;

	list_for_each_entry(pos, head, list) {
		assert_ptr_equal(pos->list.next->prev, &pos->list);
		assert_ptr_equal(pos->list.prev->next, &pos->list);
		n = n * 10 + pos->nr;
	}
	return n;
}

static void items_come_in_the_order_they_were_added(void **state)
{
	struct item item[4] = {
		{ .nr = 0 }, { .nr = 1 }, { .nr = 2 }, { .nr = 3 }
	};
	struct list_head head;

	(void)state;
	list_init(&head);
	assert_true(list_empty(&head));
	assert_int_equal(digits(&head), 1);
	list_add(&item[0].list, &head);
	list_add(&item[1].list, &head);
	list_add_tail(&item[2].list, &head);
	list_add(&item[3].list, &item[1].list);
	assert_int_equal(digits(&head), 11302);
	assert_false(list_empty(&head));
}

static void removed_items_can_be_removed_and_added_again(void **state)
{
	struct item item[3] = { { .nr = 0 }, { .nr = 1 }, { .nr = 2 } };
	struct list_head head;

	(void)state;
	list_init(&head);
	for (int i = 0; i < 3; i++)
		list_add_tail(&item[i].list, &head);
	list_del_init(&item[1].list);
	assert_int_equal(digits(&head), 102);
	assert_true(list_empty(&item[1].list));
	list_del_init(&item[1].list);
	list_del_init(&item[0].list);
	list_del_init(&item[2].list);
	assert_true(list_empty(&head));
	list_add(&item[1].list, &head);
	assert_int_equal(digits(&head), 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounding_hits_the_neighbouring_multiples),
		cmocka_unit_test(logarithms_bracket_every_size),
		cmocka_unit_test(smaller_and_larger_are_told_apart_as_unsigned),
		cmocka_unit_test(items_come_in_the_order_they_were_added),
		cmocka_unit_test(removed_items_can_be_removed_and_added_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
