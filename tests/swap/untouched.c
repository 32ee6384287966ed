// SPDX-License-Identifier: MIT
/*
 * untouched.c MiB - many times the option "limit" of blocks, few of them used
 *
 * What was never touched has nothing to store, but counts until swapd has seen
 * that.
 */
#include "heap.h"

#define TIMES 32
#define BLOCK (256 * KIB)
#define EVERY 64 /* blocks, one is used */

int main(int argc, char **argv)
{
	size_t limit = argc > 1 ? strtoul(argv[1], NULL, 10) * MIB : 0;
	unsigned nr = (unsigned)(limit * TIMES / BLOCK);
	char **block;

	if (!limit)
		return 2;
	if (!swap_possible())
		return SKIP;
	block = own_memory(nr * sizeof(*block));
	for (unsigned b = 0; b < nr; b++) {
		block[b] = malloc(BLOCK);
		CHECK(block[b]);
		if (b % EVERY == 0)
			memset(block[b], 'a', BLOCK);
	}
	for (unsigned b = 0; b < nr; b++)
		for (size_t i = 0; i < BLOCK; i += HEAP_PAGE)
			if (b % EVERY == 0)
				CHECK(block[b][i] == 'a');
	CHECK(!under_libmm() ||
	      proc_number("/proc/self/status", "VmHWM") * KIB <
		      limit + 8 * MIB);
	return check_result();
}
