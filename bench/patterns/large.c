/* SPDX-License-Identifier: MIT */
/*
 * large - a few blocks of 5 to 25 MiB at a time, each written in full
 *
 * What programs do that build big vectors and drop them again. Page faults
 * decide, so memory that was just freed should serve the next block.
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define LIVE_MAX 1024

static long ops = 400, live = 20, min_mib = 5, max_mib = 25;

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "ops", &ops },
		{ "live", &live },
		{ "min", &min_mib },
		{ "max", &max_mib },
	};
	static void *blocks[LIVE_MAX];
	struct rng rng;
	double t0;

	params_parse(argc, argv, params, NR_PARAMS(params));
	if (live < 1 || live > LIVE_MAX || max_mib < min_mib)
		return 2;
	rng = rng_make(0);
	t0 = now_seconds();
	for (long i = 0; i < ops; i++) {
		uint32_t at = rng_below(&rng, (uint32_t)live);
		uint32_t range = (uint32_t)(max_mib - min_mib) << 20;
		size_t size = ((size_t)min_mib << 20) +
			      (range ? rng_below(&rng, range) : 0);

		free(blocks[at]);
		blocks[at] = xmalloc(size);
		memset(blocks[at], 0, size);
	}
	t0 = now_seconds() - t0;
	for (long i = 0; i < live; i++)
		free(blocks[i]);
	report("large", (double)ops, t0);
	return 0;
}
