/* SPDX-License-Identifier: MIT */
/*
 * replace - blocks that outlive the thread which allocated them
 *
 * The server of P. Larson and M. Krishnan ("Memory allocation for long-running
 * server applications", ISMM 1998): each thread replaces random blocks of an
 * array that it inherited, then starts its successor, hands the array over and
 * only then exits. Blocks are allocated by one generation and freed by another.
 */
#include <stdlib.h>

#include "common.h"

static long threads = 4, live = 5000, generations = 10, ops = 200000;
static long min_size = 8, max_size = 1000;

struct line {
	void **blocks;
	long generation;
	struct rng rng;
	pthread_mutex_t lock;
	pthread_cond_t ended;
};

static void *new_block(struct rng *rng)
{
	uint32_t range = (uint32_t)(max_size - min_size + 1);
	size_t size = (size_t)min_size + rng_below(rng, range);
	void *p = xmalloc(size);

	touch(p, size);
	return p;
}

static void *generation(void *arg)
{
	struct line *line = arg;

	for (long i = 0; i < ops; i++) {
		uint32_t at = rng_below(&line->rng, (uint32_t)live);

		free(line->blocks[at]);
		line->blocks[at] = new_block(&line->rng);
	}
	if (++line->generation < generations) {
		pthread_detach(thread_start(generation, line));
		return NULL;
	}
	pthread_mutex_lock(&line->lock);
	line->generation = -1;
	pthread_cond_signal(&line->ended);
	pthread_mutex_unlock(&line->lock);
	return NULL;
}

static void line_start(struct line *line, long i)
{
	*line = (struct line){ .rng = rng_make((uint64_t)i) };
	pthread_mutex_init(&line->lock, NULL);
	pthread_cond_init(&line->ended, NULL);
	line->blocks = xmalloc((size_t)live * sizeof(*line->blocks));
	for (long b = 0; b < live; b++)
		line->blocks[b] = new_block(&line->rng);
}

static void line_end(struct line *line)
{
	pthread_mutex_lock(&line->lock);
	while (line->generation >= 0)
		pthread_cond_wait(&line->ended, &line->lock);
	pthread_mutex_unlock(&line->lock);
	for (long b = 0; b < live; b++)
		free(line->blocks[b]);
	free(line->blocks);
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "threads", &threads },
		{ "live", &live },
		{ "generations", &generations },
		{ "ops", &ops },
		{ "min", &min_size },
		{ "max", &max_size },
	};
	struct line *lines;
	double t0;

	params_parse(argc, argv, params, NR_PARAMS(params));
	lines = xmalloc((size_t)threads * sizeof(*lines));
	for (long i = 0; i < threads; i++)
		line_start(&lines[i], i);
	t0 = now_seconds();
	for (long i = 0; i < threads; i++)
		pthread_detach(thread_start(generation, &lines[i]));
	for (long i = 0; i < threads; i++)
		line_end(&lines[i]);
	t0 = now_seconds() - t0;
	free(lines);
	report("replace", (double)threads * (double)(generations * ops), t0);
	return 0;
}
