/* SPDX-License-Identifier: MIT */
/*
 * mm_stats.c - the identities of mm_stats() hold, and it counts what lives
 */
#include <pthread.h>
#include <stdint.h>

#include "check.h"
#include "identities.h"

static const struct {
	size_t size, count;
} sets[] = {
	{ 24, 50000 },	   { 64, 10000 },   { 1000, 10000 }, { 5000, 3000 },
	{ 40 * KIB, 500 }, { 3 * MIB, 30 }, { 64 * MIB, 4 }, { 200 * MIB, 2 },
};

static size_t blocks_of(const struct mm_stats *st)
{
	return st->small_objects + st->large_blocks + st->vma_blocks;
}

static void every_live_set_is_counted(void)
{
	struct mm_stats before, full, after;
	size_t s, i;
	void **p;

	for (s = 0; s < sizeof(sets) / sizeof(sets[0]); s++) {
		size_t n = sets[s].count, live = n * sets[s].size;

		p = own_memory(n * sizeof(*p));
		check_identities(&before);
		for (i = 0; i < n; i++)
			p[i] = malloc(sets[s].size);
		check_identities(&full);
		CHECK(full.requested - before.requested >= live);
		/* Classes at most a quarter apart from the smallest sizes. */
		CHECK(full.requested - before.requested <= live + live / 3);
		CHECK(blocks_of(&full) - blocks_of(&before) == n);
		for (i = 0; i < n; i++)
			free(p[i]);
		check_identities(&after);
		CHECK(after.requested == before.requested);
		CHECK(blocks_of(&after) == blocks_of(&before));
		munmap(p, n * sizeof(*p));
	}
}

static int stop;

static void *churn(void *seed)
{
	uint64_t rnd = (uintptr_t)seed;
	void *p[256] = { 0 };
	size_t i;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		void **slot = &p[random_next(&rnd) % 256];

		free(*slot);
		*slot = malloc(random_next(&rnd) %
			       ((size_t)64 << random_next(&rnd) % 16));
	}
	for (i = 0; i < 256; i++)
		free(p[i]);
	return NULL;
}

static void identities_hold_while_threads_churn(void)
{
	pthread_t t[4];
	struct mm_stats st;
	size_t i;

	for (i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, churn, (void *)(i + 1)));
	for (i = 0; i < 2000; i++)
		check_identities(&st);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

int main(void)
{
	if (!find_mm_stats()) {
		puts("SKIP: mm_stats() is libmm's, and it is not preloaded");
		return check_failures ? 1 : SKIP;
	}
	free(malloc(100));
	every_live_set_is_counted();
	identities_hold_while_threads_churn();
	return check_result();
}
