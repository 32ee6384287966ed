/* SPDX-License-Identifier: MIT */
/*
 * core_swap.c - a program that crashes with its heap swapped out
 *
 * Prints, for each of three kinds of blocks, the address of a word and what it
 * holds, then aborts.
 */
#include "swapped_block.h"

static void show_last(uint64_t *block, size_t bytes)
{
	size_t word = bytes / sizeof(*block) - 1;

	swap_out(block, bytes, word);
	printf("%p 0x%016llx\n", (void *)(block + word),
	       (unsigned long long)(word * FACTOR));
}

int main(void)
{
	static const size_t sizes[] = { 3000, 1 << 20, (size_t)64 << 20 };
	uint64_t *block[3][50];

	for (unsigned k = 0; k < 3; k++)
		for (unsigned i = 0; i < (k < 2 ? 50 : 1); i++)
			block[k][i] = filled_block(sizes[k]);
	for (unsigned k = 0; k < 3; k++)
		show_last(block[k][0], sizes[k]);
	fflush(stdout);
	abort();
}
