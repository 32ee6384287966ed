/* SPDX-License-Identifier: MIT */
/*
 * replace.c - free and allocate in random slots of a working set
 *
 * The argument is the working set in bytes; blocks are of 16 to 144 bytes. The
 * caches make a large one slower, the allocator should not.
 */
#include <stdlib.h>

#include "micro.h"

#define BLOCK_MIN   16
#define BLOCK_RANGE 129
#define BLOCK_MEAN  (BLOCK_MIN + BLOCK_RANGE / 2)

static void *new_block(uint64_t random)
{
	void *p = malloc(BLOCK_MIN + (random >> 40) % BLOCK_RANGE);

	mark(p);
	return p;
}

static void replace(struct bench *b)
{
	size_t n = (size_t)bench_arg(b) / BLOCK_MEAN;
	void **slots = malloc(n * sizeof(*slots));
	uint64_t random = 88172645463325252ULL;

	if (!slots) {
		bench_fail(b, "out of memory");
		return;
	}
	for (size_t i = 0; i < n; i++)
		slots[i] = new_block(next_random(&random));
	while (bench_loop(b, 1024)) {
		for (int i = 0; i < 1024; i++) {
			uint64_t r = next_random(&random);
			size_t at = (size_t)(((r & 0xffffffff) * n) >> 32);

			free(slots[at]);
			slots[at] = new_block(r);
		}
	}
	for (size_t i = 0; i < n; i++)
		free(slots[i]);
	free(slots);
}

void replace_register(void)
{
	static const long sets[] = { 16 * KIB, 256 * KIB,  4 * MIB,
				     64 * MIB, 1024 * MIB, 4096 * MIB };

	add_sizes("replace", replace, sets, ARRAY_SIZE(sets));
}
