// SPDX-License-Identifier: MIT
/*
 * moved.c [seconds] - realloc moves blocks whose pages are on their way out
 *
 * Threads fill big blocks, let them rest for a moment, and make them larger,
 * which moves their pages. Run with a store that is full: then pages come back
 * from the staging all the time, also while their block has a new place that
 * is not watched over yet.
 */
#include <pthread.h>

#include "heap.h"

#define NR_THREADS 3
#define BYTES	   (8 * MIB)
#define REST_US	   20000

static int stop;
static size_t moves;

static void *work(void *arg)
{
	struct heap h;

	(void)arg;
	for (unsigned v = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); v++) {
		char *was;

		heap_make(&h, 1, BYTES);
		heap_write(&h, v);
		usleep(REST_US);
		was = h.block[0];
		h.block[0] = realloc(was, BYTES * 3 / 2);
		CHECK(h.block[0]);
		__atomic_add_fetch(&moves, h.block[0] != was, __ATOMIC_RELAXED);
		CHECK(!heap_wrong(&h));
		free(h.block[0]);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[NR_THREADS];

	if (!swap_possible())
		return SKIP;
	for (int i = 0; i < NR_THREADS; i++)
		CHECK(!pthread_create(&t[i], NULL, work, NULL));
	sleep(argc > 1 ? (unsigned)atoi(argv[1]) : 10);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(t[i], NULL);
	printf("moved: %zu blocks\n", moves);
	CHECK(!under_libmm() || moves > 20);
	return check_result();
}
