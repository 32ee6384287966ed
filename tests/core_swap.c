/* SPDX-License-Identifier: MIT */
/*
 * core_swap.c - a program that crashes with its heap swapped out
 *
 * Prints, for each of three kinds of blocks, the address of a word and what it
 * holds, then aborts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "mm/mm.h"

#define FACTOR 0x100000001ULL

static uint64_t *filled_block(size_t bytes)
{
	uint64_t *block = malloc(bytes);

	if (!block)
		exit(1);
	for (size_t i = 0; i < bytes / sizeof(*block); i++)
		block[i] = i * FACTOR;
	return block;
}

static void swap_out(uint64_t *block, size_t bytes)
{
	size_t word = bytes / sizeof(*block) - 1;
	struct mm_page_info info;

	mm_advise(block, bytes, MM_COLD);
	mm_page_query(block + word, &info);
	if (info.state != MM_PAGE_SWAPPED) {
		printf("the block is still in memory\n");
		exit(1);
	}
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
		swap_out(block[k][0], sizes[k]);
	fflush(stdout);
	abort();
}
