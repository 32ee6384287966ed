/* SPDX-License-Identifier: MIT */
/*
 * random - random replacement in a working set of a given size
 *
 * Fills slots with blocks of 16 to 1023 bytes, small ones being likelier, up
 * to the working set; then frees and allocates anew in random slots, writing
 * the whole block each time. The cost of one operation should not grow with
 * the heap more than the caches make it.
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"

static long threads = 1, mib = 64, ops = 4000000;

struct worker {
	struct rng rng;
	size_t nr_slots;
	void **slots;
	double seconds;
};

static void *new_block(struct rng *rng)
{
	size_t size = rng_skewed(rng);
	void *p = xmalloc(size);

	memset(p, 1, size);
	return p;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	double t0;

	w->slots = xmalloc(w->nr_slots * sizeof(*w->slots));
	for (size_t i = 0; i < w->nr_slots; i++)
		w->slots[i] = new_block(&w->rng);
	t0 = now_seconds();
	for (long i = 0; i < ops / threads; i++) {
		size_t at = rng_below(&w->rng, (uint32_t)w->nr_slots);

		free(w->slots[at]);
		w->slots[at] = new_block(&w->rng);
	}
	w->seconds = now_seconds() - t0;
	for (size_t i = 0; i < w->nr_slots; i++)
		free(w->slots[i]);
	free(w->slots);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "threads", &threads },
		{ "mib", &mib },
		{ "ops", &ops },
	};
	double longest = 0;
	struct worker *w;

	params_parse(argc, argv, params, NR_PARAMS(params));
	if (threads < 1 || mib < 1 || (mib << 20) / RNG_SKEWED_MEAN < threads)
		return 2;
	w = xmalloc((size_t)threads * sizeof(*w));
	for (long i = 0; i < threads; i++) {
		w[i].rng = rng_make((uint64_t)i);
		w[i].nr_slots =
			(size_t)((mib << 20) / RNG_SKEWED_MEAN / threads);
	}
	threads_run(work, w, sizeof(*w), threads);
	for (long i = 0; i < threads; i++)
		longest = w[i].seconds > longest ? w[i].seconds : longest;
	free(w);
	report("random", (double)ops, longest);
	return 0;
}
