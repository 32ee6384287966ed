/* SPDX-License-Identifier: MIT */
/*
 * resized.c - realloc() where the heap may have 100 MiB
 *
 * What is too much for malloc() is for realloc(), too; a block can always
 * become smaller; and what it had then is there for others. And back.
 */
#include "check.h"

static char *touched(size_t mib)
{
	char *p = malloc(mib * MIB);

	CHECK(p);
	if (p)
		memset(p, 1, mib * MIB);
	return p;
}

static void growing_has_the_limit(void)
{
	static const size_t from[] = { 1, 8, 40 };

	for (size_t i = 0; i < 3; i++) {
		char *p = touched(from[i]);

		CHECK(!realloc(p, 300 * MIB));
		CHECK(p[from[i] * MIB - 1] == 1);
		free(p);
	}
}

static void shrinking_has_none(void)
{
	char *p = touched(60), *q = touched(30);

	errno = 0;
	p = realloc(p, 20 * MIB);
	CHECK(p && p[20 * MIB - 1] == 1);
	p = realloc(p, 100);
	CHECK(p && p[99] == 1);
	CHECK(!errno);
	free(p);
	free(q);
}

static void what_shrank_is_there_for_others(void)
{
	char *p = realloc(touched(80), 40 * MIB), *q;

	q = touched(50);
	/* now it may not be as it was */
	CHECK(!realloc(p, 80 * MIB));
	free(q);
	p = realloc(p, 80 * MIB);
	CHECK(p && p[40 * MIB - 1] == 1);
	CHECK(!malloc(50 * MIB));
	free(p);
	free(touched(80));
}

int main(void)
{
	if (!under_libmm())
		return SKIP;
	growing_has_the_limit();
	shrinking_has_none();
	what_shrank_is_there_for_others();
	return check_result();
}
