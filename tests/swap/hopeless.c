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

static size_t resident(void)
{
	char text[128] = "";
	int fd = open("/proc/self/statm", O_RDONLY);
	unsigned long all, pages = 0;

	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	CHECK(sscanf(text, "%lu %lu", &all, &pages) == 2);
	close(fd);
	return pages * HEAP_PAGE;
}

static void fill(size_t align, size_t size)
{
	char **block = own_memory(NR_BLOCKS * sizeof(*block));
	void *volatile nothing; /* or no compiler would ask for it */
	size_t most = 0;

	for (unsigned i = 0; i < NR_BLOCKS; i++) {
		block[i] = malloc(BLOCK);
		CHECK(block[i]);
		pattern_fill(block[i], BLOCK, i);
		nothing = memalign(align, size);
		free(nothing);
		most = resident() > most ? resident() : most;
	}
	CHECK(!under_libmm() || most < LIMIT + 8 * MIB);
	for (unsigned i = 0; i < NR_BLOCKS; i++) {
		CHECK(pattern_intact(block[i], BLOCK, i));
		free(block[i]);
	}
}

int main(void)
{
	if (!swap_possible())
		return SKIP;
	fill(16, GIB * 64);
	fill(16, GIB * 128 * KIB);
	fill(16, SIZE_MAX / 4);
	fill(SIZE_MAX / 4 + 1, 4096);
	return check_result();
}
