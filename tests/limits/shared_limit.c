/* SPDX-License-Identifier: MIT */
/*
 * shared_limit.c - the limit is 64 MiB, and idle threads have freed much
 *
 * What they keep at hand for their own next requests is free memory: malloc()
 * fails for no other thread before that has gone back.
 */
#include <pthread.h>

#include "check.h"

#define NR_THREADS 64
#define NR_BLOCKS  8
#define BLOCK	   (64 * KIB)
#define PIECE	   (256 * KIB)

static pthread_barrier_t barrier;

static void *use_and_idle(void *arg)
{
	char *block[NR_BLOCKS];

	(void)arg;
	for (int i = 0; i < NR_BLOCKS; i++) {
		block[i] = malloc(BLOCK);
		CHECK(block[i]);
		if (block[i])
			memset(block[i], 1, BLOCK);
	}
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < NR_BLOCKS; i++)
		free(block[i]);
	pthread_barrier_wait(&barrier);
	/* until all has been tried */
	pthread_barrier_wait(&barrier);
	return NULL;
}

int main(void)
{
	pthread_t thread[NR_THREADS];
	size_t got = 0;
	char *p;

	pthread_barrier_init(&barrier, NULL, NR_THREADS + 1);
	for (int i = 0; i < NR_THREADS; i++)
		CHECK(!pthread_create(&thread[i], NULL, use_and_idle, NULL));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	while (got < 100 * MIB && (p = malloc(PIECE))) {
		memset(p, 2, PIECE);
		got += PIECE;
	}
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	printf("shared_limit: %zu of 64 MiB\n", got / MIB);
	CHECK(got >= 56 * MIB && got <= 64 * MIB);
	return check_result();
}
