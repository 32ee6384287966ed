/* SPDX-License-Identifier: MIT */
/*
 * gdb_swap.c - a program whose heap is swapped out, for gdb_swap.sh to look at
 *
 * Prints the address of a block and sleeps. Word i of the block is i * FACTOR.
 */
#include <unistd.h>
#include "swapped_block.h"

#define BYTES ((size_t)16 << 20)

int main(void)
{
	uint64_t *block = filled_block(BYTES);

	swap_out(block, BYTES, 512);
	printf("%p\n", (void *)block);
	fflush(stdout);
	sleep(100);
	return 0;
}
