/* SPDX-License-Identifier: MIT */
/*
 * batches - allocate many small blocks, then free them all
 *
 * Every other batch is freed in the order of allocation, the rest in reverse.
 * With cross=1 a batch is swapped with what another thread left before, so
 * that most blocks are freed by a stranger.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "common.h"

static long threads = 4, rounds = 200, batch = 5000, cross;
static _Atomic(void **) left;

static void free_batch(void **blocks, int reverse)
{
	for (long i = 0; i < batch; i++)
		free(blocks[reverse ? batch - 1 - i : i]);
	free(blocks);
}

static void *work(void *arg)
{
	struct rng *rng = arg;

	for (long r = 0; r < rounds; r++) {
		void **blocks = xmalloc((size_t)batch * sizeof(*blocks));

		for (long i = 0; i < batch; i++) {
			size_t size = rng_skewed(rng);

			blocks[i] = xmalloc(size);
			touch(blocks[i], size);
		}
		if (cross)
			blocks = atomic_exchange(&left, blocks);
		if (blocks)
			free_batch(blocks, r % 2);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "threads", &threads },
		{ "rounds", &rounds },
		{ "batch", &batch },
		{ "cross", &cross },
	};
	double seconds;

	params_parse(argc, argv, params, NR_PARAMS(params));
	seconds = workers_run(work, threads, 1);
	if (left)
		free_batch(left, 0);
	report(cross ? "batches-cross" : "batches",
	       (double)threads * (double)(rounds * batch), seconds);
	return 0;
}
