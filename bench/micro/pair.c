/* SPDX-License-Identifier: MIT */
/* pair.c - one block at a time: malloc, calloc, aligned_alloc, usable size */
#include <malloc.h>
#include <stdlib.h>

#include "micro.h"

/* Operations between two looks at the clock's end: few if one may be slow. */
static long ops_at_once(long size)
{
	return size > MIB ? 4 : size > 64 * KIB ? 64 : 1024;
}

static void pair(struct bench *b)
{
	long size = bench_arg(b), ops = ops_at_once(size);

	while (bench_loop(b, ops)) {
		for (long i = 0; i < ops; i++) {
			void *p = malloc((size_t)size);

			mark(p);
			free(p);
		}
	}
}

static void zeroed(struct bench *b)
{
	long size = bench_arg(b), ops = ops_at_once(size);

	while (bench_loop(b, ops)) {
		for (long i = 0; i < ops; i++) {
			void *p = calloc(1, (size_t)size);

			mark(p);
			free(p);
		}
	}
}

/* The argument is the alignment; the block is twice as large. */
static void aligned(struct bench *b)
{
	size_t align = (size_t)bench_arg(b);
	long ops = ops_at_once((long)align);

	while (bench_loop(b, ops)) {
		for (long i = 0; i < ops; i++) {
			void *p = aligned_alloc(align, 2 * align);

			if (!p || (uintptr_t)p % align) {
				bench_fail(b, "not aligned");
				return;
			}
			mark(p);
			free(p);
		}
	}
}

static void usable(struct bench *b)
{
	void *blocks[64];
	size_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = malloc((size_t)bench_arg(b));
	while (bench_loop(b, 1024))
		for (size_t i = 0; i < 1024; i++)
			sum += malloc_usable_size(blocks[i % 64]);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		free(blocks[i]);
	if (sum < 1024 * (size_t)bench_arg(b))
		bench_fail(b, "usable size below the requested one");
}

void pair_register(void)
{
	static const long sizes[] = { 8,	 16,	  64,	    256,
				      KIB,	 4 * KIB, 16 * KIB, 64 * KIB,
				      256 * KIB, MIB,	  4 * MIB,  16 * MIB,
				      64 * MIB };
	static const long zero[] = { 64, 4 * KIB, 64 * KIB, MIB, 16 * MIB };
	static const long align[] = { 64, 4 * KIB, 64 * KIB, 2 * MIB };
	static const long usables[] = { 64, 4 * KIB, MIB };

	add_sizes("pair", pair, sizes, ARRAY_SIZE(sizes));
	add_sizes("calloc", zeroed, zero, ARRAY_SIZE(zero));
	add_sizes("aligned", aligned, align, ARRAY_SIZE(align));
	add_sizes("usable", usable, usables, ARRAY_SIZE(usables));
}
