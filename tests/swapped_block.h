/* SPDX-License-Identifier: MIT */
/*
 * swapped_block.h - blocks that are swapped out, for debuggers to look at
 */
#ifndef TESTS_SWAPPED_BLOCK_H
#define TESTS_SWAPPED_BLOCK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "mm/mm.h"

#define FACTOR 0x100000001ULL

/* Word i of it is i * FACTOR. */
static inline uint64_t *filled_block(size_t bytes)
{
	uint64_t *block = malloc(bytes);

	if (!block)
		exit(1);
	for (size_t i = 0; i < bytes / sizeof(*block); i++)
		block[i] = i * FACTOR;
	return block;
}

/* Ends the program if the page of @word has not left. */
static inline void swap_out(uint64_t *block, size_t bytes, size_t word)
{
	struct mm_page_info info;

	if (mm_advise(block, bytes, MM_COLD))
		exit(1);
	mm_page_query(block + word, &info);
	if (info.state != MM_PAGE_SWAPPED) {
		printf("the block is still in memory\n");
		exit(1);
	}
}

#endif
