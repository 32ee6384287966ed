/* SPDX-License-Identifier: MIT */
/* grow.c - realloc: a doubling vector, a creeping string, grow and shrink */
#include <stdlib.h>

#include "micro.h"

/* Doubles from 16 bytes to the argument; one operation is one realloc. */
static void doubling(struct bench *b)
{
	long steps = 0;

	for (long size = 16; size <= bench_arg(b); size *= 2)
		steps++;
	while (bench_loop(b, steps)) {
		char *p = NULL;

		for (long size = 16; size <= bench_arg(b); size *= 2) {
			p = realloc(p, (size_t)size);
			mark(p + size - 1);
		}
		free(p);
	}
}

/* Grows in 256 steps up to the argument. */
static void creeping(struct bench *b)
{
	long step = bench_arg(b) / 256;

	while (bench_loop(b, 256)) {
		char *p = NULL;

		for (long i = 1; i <= 256; i++) {
			p = realloc(p, (size_t)(i * step));
			mark(p + i * step - 1);
		}
		free(p);
	}
}

/* Between the argument and three quarters of it, again and again. */
static void swinging(struct bench *b)
{
	size_t size = (size_t)bench_arg(b);
	char *p = malloc(size);

	while (bench_loop(b, 64)) {
		for (int i = 0; i < 64; i++) {
			p = realloc(p, i % 2 ? size : size / 4 * 3);
			mark(p);
		}
	}
	free(p);
}

void grow_register(void)
{
	static const long ends[] = { KIB, 64 * KIB, MIB, 64 * MIB };
	static const long swings[] = { 128, 64 * KIB, 4 * MIB };

	add_sizes("realloc-double", doubling, ends, ARRAY_SIZE(ends));
	add_sizes("realloc-creep", creeping, ends, ARRAY_SIZE(ends));
	add_sizes("realloc-swing", swinging, swings, ARRAY_SIZE(swings));
}
