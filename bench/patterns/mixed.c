/* SPDX-License-Identifier: MIT */
/*
 * mixed - blocks of 8 to 16000 bytes, every second loop freed by a stranger
 *
 * Each thread fills an array with blocks of evenly spread sizes. In odd loops
 * it frees them itself, in even loops it trades the array with the thread that
 * came before it, and frees what it got.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "common.h"

static long threads = 4, loops = 200, live = 1000, max_size = 16000;
static _Atomic(void **) traded;

static void **fill(struct rng *rng)
{
	void **blocks = xmalloc((size_t)live * sizeof(*blocks));

	for (long i = 0; i < live; i++) {
		size_t size = 8 + rng_below(rng, (uint32_t)max_size - 7);

		blocks[i] = xmalloc(size);
		touch(blocks[i], size);
	}
	return blocks;
}

/* In a scattered order: the step is prime, so each place is met once. */
static void drop(void **blocks, struct rng *rng)
{
	uint32_t start = rng_below(rng, (uint32_t)live);

	for (long i = 0; i < live; i++)
		free(blocks[(start + (uint64_t)i * 7919) % (uint64_t)live]);
	free(blocks);
}

static void *work(void *arg)
{
	struct rng *rng = arg;

	for (long n = 0; n < loops; n++) {
		void **blocks = fill(rng);

		if (n % 2 == 0)
			blocks = atomic_exchange(&traded, blocks);
		if (blocks)
			drop(blocks, rng);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "threads", &threads },
		{ "loops", &loops },
		{ "live", &live },
		{ "max", &max_size },
	};
	struct rng rng;
	double seconds;

	params_parse(argc, argv, params, NR_PARAMS(params));
	if (live < 1 || live % 7919 == 0 || max_size < 8)
		return 2;
	seconds = workers_run(work, threads, 1);
	rng = rng_make(0);
	if (traded)
		drop(traded, &rng);
	report("mixed", (double)threads * (double)(loops * live), seconds);
	return 0;
}
