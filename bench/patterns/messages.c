/* SPDX-License-Identifier: MIT */
/*
 * messages - every block is freed by another thread than allocated it
 *
 * Producers allocate batches of small blocks, and the array that holds them,
 * and put them into a bounded queue; consumers free all of it.
 */
#include <stdlib.h>

#include "common.h"

#define QUEUE_MAX 8

static long pairs = 2, batches = 500, batch = 4096, size = 64;

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void **batches[QUEUE_MAX];
	int used;
};

static struct queue queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static void put(void **blocks)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.used == QUEUE_MAX)
		pthread_cond_wait(&queue.changed, &queue.lock);
	queue.batches[queue.used++] = blocks;
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
}

static void **take(void)
{
	void **blocks;

	pthread_mutex_lock(&queue.lock);
	while (!queue.used)
		pthread_cond_wait(&queue.changed, &queue.lock);
	blocks = queue.batches[--queue.used];
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
	return blocks;
}

static void *produce(void)
{
	for (long n = 0; n < batches; n++) {
		void **blocks = xmalloc((size_t)batch * sizeof(*blocks));

		for (long i = 0; i < batch; i++) {
			blocks[i] = xmalloc((size_t)size);
			touch(blocks[i], (size_t)size);
		}
		put(blocks);
	}
	return NULL;
}

static void *consume(void)
{
	for (long n = 0; n < batches; n++) {
		void **blocks = take();

		for (long i = 0; i < batch; i++)
			free(blocks[i]);
		free(blocks);
	}
	return NULL;
}

static void *run(void *arg)
{
	return *(long *)arg % 2 ? consume() : produce();
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "pairs", &pairs },
		{ "batches", &batches },
		{ "batch", &batch },
		{ "size", &size },
	};
	long *ids;
	double t0;

	params_parse(argc, argv, params, NR_PARAMS(params));
	ids = xmalloc((size_t)(2 * pairs) * sizeof(*ids));
	for (long i = 0; i < 2 * pairs; i++)
		ids[i] = i;
	t0 = now_seconds();
	threads_run(run, ids, sizeof(*ids), 2 * pairs);
	t0 = now_seconds() - t0;
	free(ids);
	report("messages", (double)pairs * (double)(batches * (batch + 1)), t0);
	return 0;
}
