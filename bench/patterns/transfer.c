/* SPDX-License-Identifier: MIT */
/*
 * transfer - thread generations that keep, swap and drop blocks of all sizes
 *
 * Threads are started anew in every generation. Each allocates mostly a few
 * words, but one block in a hundred is 100 times as large, one in a thousand
 * 1000 times and one in ten thousand 10000 times. Some blocks stay with the
 * thread until its end, some are swapped into a table shared by all.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define NR_SHARED 1000
#define NR_KEPT	  2048

static long threads = 4, generations = 20, ops = 20000;
static _Atomic(void *) shared[NR_SHARED];

static void *new_block(struct rng *rng)
{
	uint32_t luck = rng_below(rng, 10000);
	size_t size = 8 * (size_t)(1 + rng_below(rng, 64));
	void *p;

	if (luck == 0)
		size *= 10000;
	else if (luck <= 10)
		size *= 1000;
	else if (luck <= 110)
		size *= 100;
	p = xmalloc(size);
	memset(p, 1, size);
	return p;
}

static void *work(void *arg)
{
	struct rng *rng = arg;
	void *kept[NR_KEPT] = { NULL };

	for (long i = 0; i < ops; i++) {
		void *p = new_block(rng);
		uint32_t luck = rng_below(rng, 8);
		uint32_t at = rng_below(rng, NR_KEPT);

		if (luck == 0)
			p = atomic_exchange(&shared[at % NR_SHARED], p);
		if (luck < 4) {
			void *old = kept[at];

			kept[at] = p;
			p = old;
		}
		free(p);
	}
	for (long i = 0; i < NR_KEPT; i++)
		free(kept[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "threads", &threads },
		{ "generations", &generations },
		{ "ops", &ops },
	};
	double seconds;

	params_parse(argc, argv, params, NR_PARAMS(params));
	seconds = workers_run(work, threads, generations);
	for (int i = 0; i < NR_SHARED; i++)
		free(shared[i]);
	report("transfer", (double)threads * (double)(generations * ops),
	       seconds);
	return 0;
}
