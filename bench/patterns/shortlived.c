/* SPDX-License-Identifier: MIT */
/*
 * shortlived - thousands of threads that allocate little and exit
 *
 * Each allocates a few small blocks and leaves one of them in a shared table,
 * from where a later thread frees it. Measures what the first allocation and
 * the exit of a thread cost, and what is left behind.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "common.h"

#define NR_LEFT	   256
#define BLOCKS_MAX 1024

static long threads = 4000, at_once = 4, blocks = 20;
static _Atomic(void *) left[NR_LEFT];

static void *live_shortly(void *arg)
{
	struct rng rng = rng_make((uint64_t)(uintptr_t)arg);
	void *mine[BLOCKS_MAX];

	for (long i = 0; i < blocks; i++) {
		size_t size = rng_skewed(&rng);

		mine[i] = calloc(1, size);
		if (!mine[i])
			abort();
		touch(mine[i], size);
	}
	mine[0] = atomic_exchange(&left[rng_below(&rng, NR_LEFT)], mine[0]);
	for (long i = 0; i < blocks; i++)
		free(mine[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "threads", &threads },
		{ "at_once", &at_once },
		{ "blocks", &blocks },
	};
	pthread_t *t;
	double t0;

	params_parse(argc, argv, params, NR_PARAMS(params));
	if (blocks < 1 || blocks > BLOCKS_MAX || at_once < 1)
		return 2;
	t = xmalloc((size_t)at_once * sizeof(*t));
	t0 = now_seconds();
	for (long n = 0; n < threads; n++) {
		long at = n % at_once;

		if (n >= at_once)
			pthread_join(t[at], NULL);
		t[at] = thread_start(live_shortly, (void *)(uintptr_t)n);
	}
	for (long n = 0; n < at_once && n < threads; n++)
		pthread_join(t[n], NULL);
	t0 = now_seconds() - t0;
	for (int i = 0; i < NR_LEFT; i++)
		free(left[i]);
	free(t);
	report("shortlived", (double)(threads * blocks), t0);
	return 0;
}
