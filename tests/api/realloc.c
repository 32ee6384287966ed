/* SPDX-License-Identifier: MIT */
/*
 * realloc.c - contents survive every change of size and of kind of block
 */
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"

/* Either side of every border where an allocator changes its ways. */
#define AROUND(n) (n) - 1, (n) + 1
static const size_t sizes[] = {
	1,
	100,
	2000,
	AROUND(8 * KIB),
	AROUND(64 * KIB),
	AROUND(MIB),
	AROUND(4 * MIB),
	AROUND(32 * MIB),
	AROUND(128 * MIB),
};
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void every_pair_of_sizes_keeps_contents(void)
{
	size_t from, to;

	for (from = 0; from < NR_SIZES; from++) {
		for (to = 0; to < NR_SIZES; to++) {
			char *p = malloc(sizes[from]);

			CHECK(p);
			pattern_fill(p, sizes[from], from);
			p = realloc(p, sizes[to]);
			CHECK(p && malloc_usable_size(p) >= sizes[to]);
			/* Whole words: the tail of a pattern is cut off. */
			CHECK(pattern_intact(
				p, smaller(sizes[from], sizes[to]) / 8 * 8,
				from));
			p[sizes[to] - 1] = 1;
			free(p);
		}
	}
}

/* Neighbours on both sides would notice a block that grows over them. */
static void growing_disturbs_no_neighbour(void)
{
	enum { NR = 3, SIDE = 5000 };
	char *before[NR], *p[NR], *after[NR];
	size_t n;
	int i;

	for (i = 0; i < NR; i++) {
		before[i] = malloc(SIDE);
		p[i] = malloc(1);
		after[i] = malloc(SIDE);
		pattern_fill(before[i], SIDE, 1);
		pattern_fill(after[i], SIDE, 2);
		*p[i] = (char)i;
	}
	for (n = 2; n < 40 * MIB; n += n / 3 + 1) {
		for (i = 0; i < NR; i++) {
			p[i] = realloc(p[i], n);
			CHECK(p[i] && *p[i] == (char)i);
			memset(p[i] + 1, 0xee, n - 1);
		}
	}
	for (n = n * 2 / 3; n > 1; n = n * 2 / 3) {
		for (i = 0; i < NR; i++) {
			p[i] = realloc(p[i], n);
			CHECK(p[i] && *p[i] == (char)i);
			CHECK((unsigned char)p[i][n - 1] == 0xee);
		}
	}
	for (i = 0; i < NR; i++) {
		CHECK(pattern_intact(before[i], SIDE, 1));
		CHECK(pattern_intact(after[i], SIDE, 2));
		free(before[i]);
		free(p[i]);
		free(after[i]);
	}
}

static void a_growing_vector_keeps_all_elements(void)
{
	size_t *v = NULL, n, i, cap = 0;

	for (n = 0; n < 4000000; n++) {
		if (n == cap) {
			cap = cap ? cap * 2 : 1;
			v = realloc(v, cap * sizeof(*v));
			CHECK(v);
		}
		v[n] = n * 3;
	}
	for (i = 0; i < n; i++)
		if (v[i] != i * 3)
			break;
	CHECK(i == n);
	free(v);
}

/* 4 KiB steps and back: blocks of whole pages that gain and lose one page. */
static void page_steps_keep_contents(void)
{
	size_t n = 40 * KIB, top = 6 * MIB;
	char *p = malloc(n);

	memset(p, 0x11, n);
	for (; n < top; n += 4096) {
		p = realloc(p, n + 4096);
		CHECK(p && p[0] == 0x11 && p[n - 1] == 0x11);
		memset(p + n, 0x11, 4096);
	}
	for (; n > 4096; n -= 4096) {
		p = realloc(p, n - 4096);
		CHECK(p && p[0] == 0x11 && p[n - 4097] == 0x11);
	}
	free(p);
}

static void a_failing_realloc_leaves_the_block(void)
{
	static const size_t some[] = { 100, 40 * KIB, 3 * MIB, 200 * MIB };
	volatile size_t huge = PTRDIFF_MAX;
	size_t i;

	for (i = 0; i < 4; i++) {
		char *p = malloc(some[i]);

		CHECK(p);
		pattern_fill(p, some[i], i);
		errno = 0;
		CHECK(!realloc(p, huge) && errno == ENOMEM);
		CHECK(pattern_intact(p, some[i], i));
		free(p);
	}
}

static int became_writable(const char *start, const char *end)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512], rights[8];
	unsigned long from, to;
	int nr = 0;

	CHECK(f);
	while (f && fgets(line, sizeof(line), f))
		nr += sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 &&
		      from < (uintptr_t)end && to > (uintptr_t)start &&
		      rights[1] == 'w';
	if (f)
		fclose(f);
	return nr;
}

/* Sizes whose multiples are small again. */
static void a_huge_realloc_leaves_other_mappings_alone(void)
{
	static const size_t some[] = { 8 * MIB, 200 * MIB };
	const size_t hole = 6 * MIB, guard = 58 * MIB;

	for (size_t i = 0; i < 2; i++)
		for (volatile size_t n = SIZE_MAX / 2; n > SIZE_MAX / 64;
		     n /= 2) {
			char *p = malloc(some[i]);
			char *at = mmap(NULL, hole + guard, PROT_NONE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			CHECK(p && at != MAP_FAILED);
			*p = 1;
			munmap(at, hole);
			CHECK(!realloc(p, n));
			CHECK(*p == 1);
			CHECK(!became_writable(at + hole, at + hole + guard));
			munmap(at + hole, guard);
			free(p);
		}
}

int main(void)
{
	every_pair_of_sizes_keeps_contents();
	growing_disturbs_no_neighbour();
	a_growing_vector_keeps_all_elements();
	page_steps_keep_contents();
	a_failing_realloc_leaves_the_block();
	a_huge_realloc_leaves_other_mappings_alone();
	return check_result();
}
