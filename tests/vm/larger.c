/* SPDX-License-Identifier: MIT */
/*
 * larger.c - a heap that is larger than the machine's memory
 *
 * usage: larger MIB [CHILDREN [shared]]
 *
 * With children each of them has such a heap, all at the same time. What is
 * shared they have from their parent, and then all write it anew; and a thread
 * that has a robust mutex there ends, for which the kernel writes to it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../swap/heap.h"

#define BLOCK (256 * KIB)

static pthread_mutex_t *robust;
static pthread_barrier_t step;

static int use_heap(size_t mib)
{
	struct heap h;

	heap_make(&h, (unsigned)(mib * MIB / BLOCK), BLOCK);
	CHECK(!heap_wrong(&h));
	return check_result();
}

/* One that grows as it is written. */
static int grow_heap(size_t mib)
{
	size_t nr = mib * MIB / BLOCK;
	struct heap *h = calloc(nr, sizeof(*h));

	for (size_t i = 0; i < nr; i++)
		heap_make(&h[i], 1, BLOCK);
	for (size_t i = 0; i < nr; i++)
		CHECK(!heap_wrong(&h[i]));
	return check_result();
}

/* A page that another process has, too, becomes two. */
static int rewrite_heap(struct heap *h, unsigned version)
{
	heap_write(h, version);
	CHECK(!heap_wrong(h));
	return check_result();
}

static void *own_mutex(void *arg)
{
	CHECK(!pthread_mutex_lock(robust));
	pthread_barrier_wait(&step);
	/* the forks are here */
	pthread_barrier_wait(&step);
	return arg;
}

/* Nothing else is written near to it. */
static pthread_t start_owner(void)
{
	pthread_mutexattr_t attr;
	pthread_t owner;
	char *block = aligned_alloc(HEAP_PAGE, BLOCK);

	CHECK(block);
	memset(block, 1, BLOCK);
	robust = (void *)(block + BLOCK / 2);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	CHECK(!pthread_mutex_init(robust, &attr));
	pthread_barrier_init(&step, NULL, 2);
	CHECK(!pthread_create(&owner, NULL, own_mutex, NULL));
	pthread_barrier_wait(&step);
	return owner;
}

static void end_owner(pthread_t owner)
{
	struct timespec until;

	pthread_barrier_wait(&step);
	CHECK(!pthread_join(owner, NULL));
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	CHECK(pthread_mutex_timedlock(robust, &until) == EOWNERDEAD);
}

/* As a shell says it: 128 and the signal that ended it. */
static int worst_of_children(void)
{
	int status, worst = 0;

	while (wait(&status) > 0) {
		int s = WIFEXITED(status) ? WEXITSTATUS(status)
					  : 128 + WTERMSIG(status);

		worst = s > worst ? s : worst;
	}
	return worst;
}

int main(int argc, char **argv)
{
	size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	int children = argc > 2 ? atoi(argv[2]) : 0;
	bool shared = argc > 3 && !strcmp(argv[3], "shared");
	pthread_t owner;
	struct heap h;

	if (!mib || (argc > 3 && !shared)) {
		fprintf(stderr, "usage: larger MIB [CHILDREN [shared]]\n");
		return 2;
	}
	if (!children)
		return use_heap(mib);
	if (shared) {
		heap_make(&h, (unsigned)(mib * MIB / BLOCK), BLOCK);
		owner = start_owner();
	}
	for (int i = 0; i < children; i++)
		if (!fork())
			return shared ? rewrite_heap(&h, (unsigned)i + 3)
				      : grow_heap(mib);
	if (shared) {
		end_owner(owner);
		if (rewrite_heap(&h, 2))
			return 1;
	}
	return worst_of_children();
}
