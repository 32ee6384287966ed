/* SPDX-License-Identifier: MIT */
/*
 * calloc.c - calloc's memory is zero, whatever lay there before
 */
#include <malloc.h>
#include <stdint.h>

#include "check.h"

#define MAX_SIZE (64 * MIB)
#define BATCH	 8

/* Dirty a batch to the last usable byte, free it, and calloc it anew. */
static void check_size(size_t n, int batch)
{
	void *p[BATCH];
	int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < batch; i++) {
			p[i] = malloc(n);
			CHECK(p[i]);
			memset(p[i], 0xa5, malloc_usable_size(p[i]));
		}
		for (i = 0; i < batch; i++)
			free(p[i]);
		for (i = 0; i < batch; i++) {
			p[i] = round ? calloc(n, 1) : calloc(1, n);
			CHECK(p[i] && all_zero(p[i], n));
			memset(p[i], 0x5a, n);
		}
		for (i = 0; i < batch; i++)
			free(p[i]);
	}
}

static void reused_memory_is_zero_for_every_size(void)
{
	size_t n;

	for (n = 0; n < 2100; n++)
		check_size(n, BATCH);
	for (; n <= 64 * KIB; n += n / 64)
		check_size(n, BATCH);
	for (; n <= MAX_SIZE; n += n / 8)
		check_size(n, n < MIB ? 4 : 1);
	for (n = 4096; n <= MAX_SIZE; n *= 2) {
		check_size(n - 1, 2);
		check_size(n, 2);
		check_size(n + 1, 2);
	}
}

/* The dirty tail that a shrinking realloc gives up comes back as zeros. */
static void tails_given_up_are_zero_when_reused(void)
{
	size_t n;

	for (n = 32 * KIB; n <= 32 * MIB; n *= 2) {
		char *p = malloc(n), *q[3];
		int i;

		memset(p, 0xa5, n);
		p = realloc(p, n / 4);
		for (i = 0; i < 3; i++) {
			q[i] = calloc(n / 4, 1);
			CHECK(q[i] && all_zero(q[i], n / 4));
		}
		for (i = 0; i < 3; i++)
			free(q[i]);
		p = realloc(p, n);
		CHECK(p && (unsigned char)p[n / 4 - 1] == 0xa5);
		free(p);
	}
}

/* Sizes change from round to round, so runs are split and merged between. */
static void zero_survives_splitting_and_merging(void)
{
	enum { NR = 64 };
	static char *p[NR];
	uint64_t rnd = 362436069;
	int i;

	for (i = 0; i < 20000; i++) {
		char **slot = &p[random_next(&rnd) % NR];
		size_t n = random_next(&rnd) % (KIB << random_next(&rnd) % 10);

		free(*slot);
		*slot = i % 2 ? calloc(1, n) : malloc(n);
		CHECK(*slot);
		if (i % 2)
			CHECK(all_zero(*slot, n));
		memset(*slot, 0xff, malloc_usable_size(*slot));
	}
	for (i = 0; i < NR; i++)
		free(p[i]);
}

int main(void)
{
	reused_memory_is_zero_for_every_size();
	tails_given_up_are_zero_when_reused();
	zero_survives_splitting_and_merging();
	malloc_trim(0);
	reused_memory_is_zero_for_every_size();
	return check_result();
}
