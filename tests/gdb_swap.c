/* SPDX-License-Identifier: MIT */
/*
 * gdb_swap.c - a program whose heap is swapped out, for gdb_swap.sh to look at
 *
 * Prints the address of a block and sleeps. Word i of the block is i * FACTOR.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "mm/mm.h"

#define BYTES  ((size_t)16 << 20)
#define FACTOR 0x100000001ULL

int main(void)
{
	uint64_t *block = malloc(BYTES);
	struct mm_page_info info;

	if (!block)
		return 1;
	for (size_t i = 0; i < BYTES / sizeof(*block); i++)
		block[i] = i * FACTOR;
	if (mm_advise(block, BYTES, MM_COLD))
		return 1;
	mm_page_query(block + 512, &info);
	if (info.state != MM_PAGE_SWAPPED) {
		printf("the block is still in memory\n");
		return 1;
	}
	printf("%p\n", (void *)block);
	fflush(stdout);
	sleep(100);
	return 0;
}
