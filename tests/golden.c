/* SPDX-License-Identifier: MIT */
/*
 * golden.c - fixed workloads whose instructions are counted by golden.py
 *
 * usage: golden WORKLOAD OPERATIONS
 *
 * An operation is a malloc and a free. No clock, no address and no race has a
 * say in what is asked of the allocator, so that each run does the same.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAIR_SIZE = 64,
	MIXED_BLOCKS = 10000,
	MIXED_MIN = 16,
	MIXED_MAX = 1024,
	BATCH = 1000,
	BATCH_SIZE = 96,
	RUN_BLOCKS = 64,
	RUN_MIN = 40 << 10,
	RUN_MAX = 1 << 20,
	HANDED = 250,
};

static uint32_t draw(uint32_t lo, uint32_t hi)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return lo + x % (hi - lo + 1);
}

static void *get(size_t n)
{
	void *p = malloc(n);

	if (!p) {
		perror("malloc");
		exit(1);
	}
	return p;
}

static void pairs(long n)
{
	while (n--)
		free(get(PAIR_SIZE));
}

/* Replaces one of @nr blocks at random, having filled them all first. */
static void replace(void **block, uint32_t nr, uint32_t lo, uint32_t hi, long n)
{
	for (uint32_t i = 0; i < nr; i++)
		block[i] = get(draw(lo, hi));
	while (n--) {
		uint32_t i = draw(0, nr - 1);

		free(block[i]);
		block[i] = get(draw(lo, hi));
	}
}

static void mixed(long n)
{
	static void *block[MIXED_BLOCKS];

	replace(block, MIXED_BLOCKS, MIXED_MIN, MIXED_MAX, n);
}

static void runs(long n)
{
	static void *block[RUN_BLOCKS];

	replace(block, RUN_BLOCKS, RUN_MIN, RUN_MAX, n);
}

static void batches(long n)
{
	static void *block[BATCH];

	for (; n > 0; n -= BATCH) {
		for (int i = 0; i < BATCH; i++)
			block[i] = get(BATCH_SIZE);
		for (int i = 0; i < BATCH; i++)
			free(block[i]);
	}
}

/* ---- one thread allocates, the other frees, and never both at once ---- */

struct handover {
	void *block[HANDED];
	long n;
	sem_t full, empty;
};

static void *consume(void *arg)
{
	struct handover *h = arg;

	for (long n = h->n; n > 0; n -= HANDED) {
		sem_wait(&h->full);
		for (int i = 0; i < HANDED; i++)
			free(h->block[i]);
		sem_post(&h->empty);
	}
	return NULL;
}

static void handover(long n)
{
	static struct handover h;
	pthread_t consumer;

	h.n = n;
	sem_init(&h.full, 0, 0);
	sem_init(&h.empty, 0, 0);
	if (pthread_create(&consumer, NULL, consume, &h)) {
		fprintf(stderr, "no thread to hand blocks to\n");
		exit(1);
	}
	for (; n > 0; n -= HANDED) {
		for (int i = 0; i < HANDED; i++)
			h.block[i] = get(draw(MIXED_MIN, MIXED_MAX));
		sem_post(&h.full);
		sem_wait(&h.empty);
	}
	pthread_join(consumer, NULL);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(long n);
	} workloads[] = {
		{ "pairs", pairs },	  { "mixed", mixed },
		{ "batches", batches },	  { "runs", runs },
		{ "handover", handover },
	};

	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		if (argc == 3 && !strcmp(argv[1], workloads[i].name)) {
			workloads[i].run(atol(argv[2]));
			return 0;
		}
	}
	fprintf(stderr, "usage: golden WORKLOAD OPERATIONS\n");
	return 2;
}
