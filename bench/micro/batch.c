/* SPDX-License-Identifier: MIT */
/* batch.c - fill an array with blocks, then free them in some order */
#include <stdlib.h>

#include "micro.h"

enum order { FIFO, LIFO, SHUFFLED };

#define BATCH_MAX 8192

/* As many blocks as make 64 MiB, and no more than are interesting. */
static long batch_of(long size)
{
	long n = 64 * MIB / size;

	return n < BATCH_MAX ? n : BATCH_MAX;
}

static void make_order(uint16_t *at, long n, enum order order)
{
	uint64_t random = 88172645463325252ULL;

	for (long i = 0; i < n; i++)
		at[i] = (uint16_t)(order == LIFO ? n - 1 - i : i);
	for (long i = n - 1; order == SHUFFLED && i > 0; i--) {
		uint64_t j = next_random(&random) % (uint64_t)(i + 1);
		uint16_t t = at[i];

		at[i] = at[j];
		at[j] = t;
	}
}

static void batch(struct bench *b, enum order order)
{
	static void *blocks[BATCH_MAX];
	static uint16_t at[BATCH_MAX];
	long n = batch_of(bench_arg(b));

	make_order(at, n, order);
	while (bench_loop(b, n)) {
		for (long i = 0; i < n; i++) {
			blocks[i] = malloc((size_t)bench_arg(b));
			mark(blocks[i]);
		}
		for (long i = 0; i < n; i++)
			free(blocks[at[i]]);
	}
}

static void fifo(struct bench *b)
{
	batch(b, FIFO);
}

static void lifo(struct bench *b)
{
	batch(b, LIFO);
}

static void shuffled(struct bench *b)
{
	batch(b, SHUFFLED);
}

void batch_register(void)
{
	static const long sizes[] = {
		16, 64, 256, KIB, 8 * KIB, 64 * KIB, MIB
	};

	add_sizes("batch-fifo", fifo, sizes, ARRAY_SIZE(sizes));
	add_sizes("batch-lifo", lifo, sizes, ARRAY_SIZE(sizes));
	add_sizes("batch-random", shuffled, sizes, ARRAY_SIZE(sizes));
}
