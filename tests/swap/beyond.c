// SPDX-License-Identifier: MIT
/*
 * beyond.c MiB - a heap above the option "limit", of which no page may leave
 *
 * malloc may not fail, as the store has room; new blocks that may leave keep
 * the program going, too.
 */
#include "heap.h"

#define TIMES 3

int main(int argc, char **argv)
{
	size_t limit = argc > 1 ? strtoul(argv[1], NULL, 10) * MIB : 0;
	struct heap h = { .size = 256 * KIB }, more;

	if (!limit)
		return 2;
	if (!swap_possible())
		return SKIP;
	h.nr = (unsigned)(limit * TIMES / h.size);
	h.block = own_memory(h.nr * sizeof(h.block[0]));
	for (unsigned b = 0; b < h.nr; b++) {
		h.block[b] = malloc(h.size);
		CHECK(h.block[b]);
		heap_advise(h.block[b], h.size, MM_NOSWAP);
		heap_write_block(&h, b);
	}
	CHECK(proc_number("/proc/self/status", "VmRSS") * KIB > limit * 2);
	heap_make(&more, 1000, 16 * KIB);
	CHECK(!heap_wrong(&more));
	CHECK(!heap_wrong(&h));
	return check_result();
}
