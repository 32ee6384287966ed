// SPDX-License-Identifier: MIT
/*
 * limit.c MiB [seconds] - a heap of four times the option "limit"
 *
 * The limit is given here too, as the test has to know it. Threads write and
 * verify small and big blocks all over the heap; the peak of resident memory
 * (VmHWM) must stay below the limit and a little that is the program's own.
 */
#include <pthread.h>
#include <time.h>

#include "heap.h"

#define NR_THREADS 3
#define TIMES	   4
/* program, libc, libmm, stacks, tables: measured without a heap, and some */
#define OWN_BYTES (12 * MIB)

static size_t limit;
static int seconds = 10, stop;
static size_t rounds;

/* One in four threads has blocks with mappings of their own. */
static void shape(struct heap *h, unsigned thread)
{
	size_t bytes = limit * TIMES / NR_THREADS;
	size_t size = thread == 0 ? 40 * MIB : thread == 1 ? MIB : 32 * KIB;

	if (size > bytes / 2)
		size = bytes / 2 / HEAP_PAGE * HEAP_PAGE;
	heap_make(h, (unsigned)(bytes / size), size);
}

static void *work(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	struct heap h;

	shape(&h, id);
	for (unsigned v = 2; !__atomic_load_n(&stop, __ATOMIC_RELAXED); v++) {
		CHECK(!heap_wrong(&h));
		heap_write(&h, v);
		__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
	}
	CHECK(!heap_wrong(&h));
	for (unsigned b = 0; b < h.nr; b++)
		free(h.block[b]);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[NR_THREADS];
	size_t before, peak;

	if (argc < 2)
		return 2;
	if (!swap_possible())
		return SKIP;
	limit = strtoul(argv[1], NULL, 10) * MIB;
	if (argc > 2)
		seconds = atoi(argv[2]);
	before = proc_number("/proc/self/status", "VmHWM") * KIB;
	for (uintptr_t i = 0; i < NR_THREADS; i++)
		CHECK(!pthread_create(&t[i], NULL, work, (void *)i));
	sleep((unsigned)seconds);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(t[i], NULL);
	peak = proc_number("/proc/self/status", "VmHWM") * KIB;
	printf("limit: %zu MiB, a heap of %zu MiB, %zu rounds, peak %zu KiB, before there was a heap %zu KiB\n",
	       limit / MIB, limit * TIMES / MIB, rounds, peak / KIB,
	       before / KIB);
	if (under_libmm())
		CHECK(peak <= limit + OWN_BYTES);
	return check_result();
}
