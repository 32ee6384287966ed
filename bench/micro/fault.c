/* SPDX-License-Identifier: MIT */
/*
 * fault.c - allocate, write one byte in every page, free
 *
 * One operation is one page. It costs a page fault if the allocator returned
 * the memory meanwhile, and next to nothing if it kept it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "micro.h"

static void fault(struct bench *b)
{
	long page = sysconf(_SC_PAGESIZE), n = bench_arg(b) / page;

	while (bench_loop(b, n)) {
		char *p = malloc((size_t)bench_arg(b));

		for (long i = 0; i < n; i++)
			mark(p + i * page);
		free(p);
	}
}

void fault_register(void)
{
	static const long sizes[] = { 64 * KIB, MIB, 8 * MIB, 64 * MIB };

	add_sizes("fault", fault, sizes, ARRAY_SIZE(sizes));
}
