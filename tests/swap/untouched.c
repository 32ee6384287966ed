// SPDX-License-Identifier: MIT
/*
 * untouched.c MiB - many times the option "limit" of blocks, few of them used
 *
 * What was never touched has nothing to store, but counts until swapd has seen
 * that. Also in one block that is far larger than all memory.
 */
#include "heap.h"

#define TIMES 32
#define BLOCK (256 * KIB)
#define EVERY 64 /* blocks, one is used */

#define SPARSE (NR * GIB)
#define NR     256
#define PLACE  GIB

static void use_sparse_block(void)
{
	char *p = malloc(SPARSE);

	if (!p)
		return; /* address space is limited */
	for (size_t i = 0; i < NR; i++)
		memset(p + i * PLACE, (int)i, HEAP_PAGE);
	usleep(200000);
	p = realloc(p, SPARSE / 2);
	CHECK(p);
	for (size_t i = 0; i < NR / 2; i++)
		CHECK(p[i * PLACE] == (char)i && !p[i * PLACE + HEAP_PAGE]);
	p = realloc(p, SPARSE);
	CHECK(p);
	for (size_t i = 0; i < NR; i++)
		CHECK(p[i * PLACE] == (i < NR / 2 ? (char)i : 0));
	free(p);
}

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
	use_sparse_block();
	CHECK(!under_libmm() ||
	      proc_number("/proc/self/status", "VmHWM") * KIB <
		      limit + 8 * MIB);
	return check_result();
}
