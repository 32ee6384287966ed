/* SPDX-License-Identifier: MIT */
/*
 * double_free_remote.c - two frees of an object that another thread owns
 *
 * They travel home as any remote frees do; traffic in both threads afterwards
 * makes them arrive.
 */
#include <pthread.h>

#include "misuse.h"

#define NR_BLOCKS  4096
#define NR_TRAFFIC 200000

static pthread_barrier_t step;
static void *shared[NR_BLOCKS];

static void traffic(uint64_t rnd)
{
	void *p[64] = { 0 };
	int i;

	for (i = 0; i < NR_TRAFFIC; i++) {
		void **slot = &p[random_next(&rnd) % 64];

		free(*slot);
		*slot = malloc(48 + random_next(&rnd) % 64);
	}
	for (i = 0; i < 64; i++)
		free(p[i]);
}

static void *owner(void *unused)
{
	int i;

	for (i = 0; i < NR_BLOCKS; i++)
		shared[i] = malloc(64);
	pthread_barrier_wait(&step);
	pthread_barrier_wait(&step); /* the other thread frees meanwhile */
	traffic(1);
	return unused;
}

int main(void)
{
	pthread_t t;
	int i;

	pthread_barrier_init(&step, NULL, 2);
	pthread_create(&t, NULL, owner, NULL);
	pthread_barrier_wait(&step);
	announce_block(shared[NR_BLOCKS / 2]);
	free(hidden(shared[NR_BLOCKS / 2]));
	free(hidden(shared[NR_BLOCKS / 2]));
	for (i = 0; i < NR_BLOCKS; i++)
		if (i != NR_BLOCKS / 2)
			free(shared[i]);
	pthread_barrier_wait(&step);
	traffic(2);
	pthread_join(t, NULL);
	return 0;
}
