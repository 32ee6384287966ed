/* SPDX-License-Identifier: MIT */
/*
 * walk.c - threads walk through lists that are out, and free them as they go
 *
 * They all ask for room at once while they make them: that may not drive out
 * everything there is, nor make the limit give way. Later as much is free as
 * the heap may have in all, so it has to go back before anything that is
 * touched can come in: if every touch waited, this would take an hour.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "heap.h"

#define NR_THREADS 4

struct node {
	struct node *next;
	long nr[4];
};

static size_t nr_nodes;
static pthread_barrier_t all_made;

static void *work(void *arg)
{
	struct node *list = NULL;
	long wrong = 0;

	(void)arg;
	for (size_t i = 0; i < nr_nodes; i++) {
		struct node *n = malloc(sizeof(*n));

		if (!n)
			return (void *)-1L;
		n->next = list;
		n->nr[0] = n->nr[3] = (long)i;
		list = n;
	}
	pthread_barrier_wait(&all_made);
	for (size_t i = nr_nodes; i; i--) {
		struct node *next = list->next;

		wrong += list->nr[0] != (long)i - 1 ||
			 list->nr[3] != (long)i - 1;
		free(list);
		list = next;
	}
	return (void *)wrong;
}

/* Arguments: MiB for each thread; that may be resident in all. */
int main(int argc, char **argv)
{
	pthread_t t[NR_THREADS];
	struct rusage usage;
	void *wrong;

	if (!swap_possible())
		return SKIP;
	nr_nodes = (argc > 1 ? (size_t)atoi(argv[1]) : 64) * MIB /
		   sizeof(struct node);
	pthread_barrier_init(&all_made, NULL, NR_THREADS);
	for (int i = 0; i < NR_THREADS; i++)
		CHECK(!pthread_create(&t[i], NULL, work, NULL));
	for (int i = 0; i < NR_THREADS; i++) {
		CHECK(!pthread_join(t[i], &wrong));
		CHECK(!wrong);
	}
	getrusage(RUSAGE_SELF, &usage);
	CHECK(argc < 3 || usage.ru_maxrss < atol(argv[2]) * 1024);
	return check_result();
}
