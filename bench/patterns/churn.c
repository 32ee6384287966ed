/* SPDX-License-Identifier: MIT */
/*
 * churn - the same work divided among ever more threads
 *
 * All threads are alive before the first begins, and stay until the last has
 * ended; each replaces random small blocks of its own, and every sixteenth
 * goes to another thread. Throughput should not fall when there are more
 * threads than cores, nor should the footprint grow much with idle threads.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common.h"

#define NR_SHARED 64

static long threads = 2, ops = 4000000, live = 500;
static pthread_barrier_t barrier;
static _Atomic(void *) shared[NR_SHARED];

/* Not from malloc, which is measured, nor from the stack, which is small. */
static void **slots_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(3);
	}
	return p;
}

static void *work(void *arg)
{
	struct rng *rng = arg;
	size_t bytes = (size_t)live * sizeof(void *);
	void **slots = slots_map(bytes);

	pthread_barrier_wait(&barrier);
	for (long i = 0; i < ops / threads; i++) {
		uint32_t at = rng_below(rng, (uint32_t)live);
		size_t size = rng_skewed(rng);
		void *p = xmalloc(size);

		touch(p, size);
		if (i % 16 == 0)
			p = atomic_exchange(&shared[at % NR_SHARED], p);
		free(slots[at]);
		slots[at] = p;
	}
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < live; i++)
		free(slots[i]);
	munmap(slots, bytes);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "threads", &threads },
		{ "ops", &ops },
		{ "live", &live },
	};
	double seconds;

	params_parse(argc, argv, params, NR_PARAMS(params));
	if (threads < 1 || live < 1 || live > UINT32_MAX)
		return 2;
	pthread_barrier_init(&barrier, NULL, (unsigned)threads);
	seconds = workers_run(work, threads, 1);
	for (int i = 0; i < NR_SHARED; i++)
		free(shared[i]);
	report("churn", (double)(ops / threads * threads), seconds);
	return 0;
}
