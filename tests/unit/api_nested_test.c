/* SPDX-License-Identifier: MIT */
/*
 * api_nested_test.c - the reserve for signal handlers inside malloc
 */
#include <string.h>

#include "api/init.h"
#include "unit.h"

static void blocks_are_aligned_and_apart(void **state)
{
	static const size_t aligns[] = { 1, 16, 64, 4096, 1, 512 };
	char *p[ARRAY_SIZE(aligns)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = nested_alloc(100 + i, aligns[i]);
		assert_non_null(p[i]);
		assert_true(nested_owns(p[i]));
		assert_int_equal((uintptr_t)p[i] % aligns[i], 0);
		assert_in_range(nested_bytes(p[i]), 100 + i, 100 + i + 15);
		memset(p[i], (int)i, nested_bytes(p[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		for (size_t k = 0; k < nested_bytes(p[i]); k++)
			assert_int_equal(p[i][k], i);
	for (size_t i = ARRAY_SIZE(p); i-- > 0;)
		nested_free(p[i]);
}

/* The reserve of 256 KiB has room for a few of these only. */
static void what_is_freed_on_top_is_there_again(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char *p = nested_alloc(KIB(64), 1024);
		char *q = nested_alloc(KIB(64), 4096);

		assert_non_null(p);
		assert_non_null(q);
		nested_free(q);
		nested_free(p);
	}
}

static void what_does_not_fit_is_null(void **state)
{
	void *p;

	(void)state;
	assert_null(nested_alloc(KIB(256), 1));
	assert_null(nested_alloc(SIZE_MAX / 2, 1));
	assert_null(nested_alloc(1, MIB(1)));
	p = nested_alloc(KIB(200), 1);
	assert_non_null(p);
	assert_null(nested_alloc(KIB(100), 1));
	nested_free(p);
	assert_false(nested_owns(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_aligned_and_apart),
		cmocka_unit_test(what_is_freed_on_top_is_there_again),
		cmocka_unit_test(what_does_not_fit_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
