/* SPDX-License-Identifier: MIT */
/*
 * hopeless.c - requests that cannot be met do not lift the limit
 *
 * Nor do blocks that are much larger than memory, and of which nothing is
 * touched. The environment has limit=64M.
 */
#include <malloc.h>

#include "heap.h"

#define LIMIT	  (64 * MIB)
#define BLOCK	  (64 * KIB)
#define NR_BLOCKS 4000 /* 250 MiB */

static int statm;

static void fill(size_t align, size_t size)
{
	char **block = own_memory(NR_BLOCKS * sizeof(*block));
	void *volatile nothing; /* or no compiler would ask for it */
	size_t now, most = 0;

	for (unsigned i = 0; i < NR_BLOCKS; i++) {
		block[i] = malloc(BLOCK);
		CHECK(block[i]);
		pattern_fill(block[i], BLOCK, i);
		nothing = memalign(align, size);
		free(nothing);
		now = heap_resident(statm);
		most = now > most ? now : most;
	}
	CHECK(!under_libmm() || most < LIMIT + 8 * MIB);
	for (unsigned i = 0; i < NR_BLOCKS; i++) {
		CHECK(pattern_intact(block[i], BLOCK, i));
		free(block[i]);
	}
}

/* What no window can align has a mapping of its own, which the limit allows. */
static void aligned_at_the_limit(void)
{
	char *cold[120];

	for (unsigned i = 0; i < 120; i++) {
		cold[i] = malloc(MIB);
		CHECK(cold[i]);
		pattern_fill(cold[i], MIB, i);
	}
	for (unsigned i = 0; i < 100; i++) {
		char *p = memalign(8 * MIB, 4096), *q = malloc(256 * KIB);

		CHECK(p && q);
		pattern_fill(p, 4096, i);
		pattern_fill(q, 256 * KIB, i);
		free(q);
		free(i % 2 ? p : NULL);
	}
	for (unsigned i = 0; i < 120; i++) {
		CHECK(pattern_intact(cold[i], MIB, i));
		free(cold[i]);
	}
}

/* They do not count for ever: what fits below the limit stays there. */
static void pages_that_were_dropped(void)
{
	char *dropped = malloc(48 * MIB), *used[160];
	double before;

	CHECK(dropped);
	memset(dropped, 1, 48 * MIB);
	CHECK(!madvise(dropped, 47 * MIB, MADV_DONTNEED));
	usleep(200000);
	before = under_libmm() ? heap_count("pswpout ") : 0;
	for (unsigned i = 0; i < 160; i++) {
		used[i] = malloc(256 * KIB);
		CHECK(used[i]);
		pattern_fill(used[i], 256 * KIB, i);
	}
	for (int round = 0; round < 10; round++)
		for (unsigned i = 0; i < 160; i++)
			CHECK(pattern_intact(used[i], 256 * KIB, i));
	CHECK(!under_libmm() || heap_count("pswpout ") - before < 20000);
	for (unsigned i = 0; i < 160; i++)
		free(used[i]);
	free(dropped);
}

int main(void)
{
	if (!swap_possible())
		return SKIP;
	statm = heap_open_statm();
	fill(16, GIB * 64);
	fill(16, GIB * 128 * KIB);
	fill(16, SIZE_MAX / 4);
	fill(SIZE_MAX / 4 + 1, 4096);
	aligned_at_the_limit();
	pages_that_were_dropped();
	return check_result();
}
