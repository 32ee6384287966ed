/* SPDX-License-Identifier: MIT */
/*
 * waits.c - a library whose constructor waits for a thread that it starts
 *
 * The loader's lock is held meanwhile, so the thread may not need it.
 */
#include <pthread.h>
#include <stdlib.h>

static void *work(void *arg)
{
	pthread_mutex_t m;
	void *volatile p = malloc(100);

	free(p);
	pthread_mutex_init(&m, NULL);
	return arg;
}

__attribute__((constructor)) static void start(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, work, NULL))
		pthread_join(t, NULL);
}
