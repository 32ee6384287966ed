/* SPDX-License-Identifier: MIT */
/* thread.c - starting threads, and blocks that change hands */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "micro.h"

#define RING	  4096
#define STRANGERS 16384

static pthread_t start(struct bench *b, void *(*fn)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, arg)) {
		bench_fail(b, "cannot start a thread");
		return 0;
	}
	return t;
}

/* Allocates as many blocks of 64 bytes as the argument says, frees, exits. */
static void *short_life(void *arg)
{
	void *blocks[1024];
	long n = *(long *)arg;

	for (long i = 0; i < n; i++) {
		blocks[i] = malloc(64);
		mark(blocks[i]);
	}
	for (long i = 0; i < n; i++)
		free(blocks[i]);
	return NULL;
}

/* One operation is one thread, from start to join. */
static void thread_churn(struct bench *b)
{
	long n = bench_arg(b);

	while (bench_loop(b, 1)) {
		pthread_t t = start(b, short_life, &n);

		if (!t)
			return;
		pthread_join(t, NULL);
	}
}

static void *volatile ring[RING];
static _Atomic size_t ring_head, ring_tail;
static atomic_bool ring_ended;

static void *ring_consumer(void *arg)
{
	size_t tail = ring_tail;

	for (;;) {
		/* Ended must be read before head: then nothing is missed. */
		bool ended = ring_ended;

		if (tail == ring_head) {
			if (ended)
				return arg;
			sched_yield();
			continue;
		}
		free(ring[tail % RING]);
		ring_tail = ++tail;
	}
}

/* One thread allocates, another frees; the argument is the size. */
static void handoff(struct bench *b)
{
	size_t head = ring_head;
	pthread_t t;

	ring_ended = false;
	t = start(b, ring_consumer, NULL);
	while (t && bench_loop(b, 1024)) {
		for (int i = 0; i < 1024; i++) {
			void *p = malloc((size_t)bench_arg(b));

			mark(p);
			while (head - ring_tail == RING)
				sched_yield();
			ring[head % RING] = p;
			ring_head = ++head;
		}
	}
	ring_ended = true;
	if (t)
		pthread_join(t, NULL);
}

static void *strangers[STRANGERS];

static void *allocate_all(void *arg)
{
	for (int i = 0; i < STRANGERS; i++) {
		strangers[i] = malloc(*(size_t *)arg);
		mark(strangers[i]);
	}
	return NULL;
}

/* Frees alone count: of blocks whose allocating thread is gone. */
static void orphans(struct bench *b)
{
	size_t size = (size_t)bench_arg(b);

	while (bench_loop(b, STRANGERS)) {
		pthread_t t;

		bench_pause(b);
		t = start(b, allocate_all, &size);
		if (!t)
			return;
		pthread_join(t, NULL);
		bench_resume(b);
		for (int i = 0; i < STRANGERS; i++)
			free(strangers[i]);
	}
}

void thread_register(void)
{
	static const long blocks[] = { 1, 100, 1000 };
	static const long sizes[] = { 64, KIB };

	add_sizes("thread", thread_churn, blocks, ARRAY_SIZE(blocks));
	add_sizes("handoff", handoff, sizes, ARRAY_SIZE(sizes));
	add_sizes("orphans", orphans, sizes, ARRAY_SIZE(sizes));
}
