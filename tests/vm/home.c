/* SPDX-License-Identifier: MIT */
/*
 * home.c - do blocks that another node's thread frees go home?
 *
 * usage: home OWNER OTHER SIZE
 *
 * A thread on node OWNER allocates, a thread on node OTHER frees all of it and
 * allocates as much, then the first thread allocates as much again. It has to
 * get its own pages back and the other thread none of them; three of four are
 * enough, as the node may have had other free pages nearer at hand. And both
 * have their new blocks on their own node, 99 % of the pages.
 */
#include <pthread.h>

#include "nodes.h"

#define TOTAL (16 * MIB)

static unsigned owner, other;
static size_t size, nr_blocks;
static struct block *first, *again, *others;
static pthread_barrier_t step;

static void *free_and_get(void *unused)
{
	uint64_t rnd = 1;

	(void)unused;
	run_on_node(other);
	/* a heap of its own, before it sees any block of another */
	free(get_block(size).p);
	pthread_barrier_wait(&step);
	pthread_barrier_wait(&step);
	free_blocks(first, nr_blocks);
	get_blocks(others, nr_blocks, size, size, &rnd);
	pthread_barrier_wait(&step);
	pthread_barrier_wait(&step);
	return NULL;
}

static void *get_and_get_again(void *unused)
{
	uint64_t rnd = 2;

	(void)unused;
	run_on_node(owner);
	pthread_barrier_wait(&step);
	get_blocks(first, nr_blocks, size, size, &rnd);
	pthread_barrier_wait(&step);
	pthread_barrier_wait(&step);
	get_blocks(again, nr_blocks, size, size, &rnd);
	pthread_barrier_wait(&step);
	return NULL;
}

static int by_address(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return x->p < y->p ? -1 : x->p > y->p;
}

/* How many percent of the blocks start inside one of those in order? */
static unsigned percent_inside(const struct block *blocks)
{
	size_t inside = 0;

	for (size_t i = 0; i < nr_blocks; i++) {
		size_t low = 0, high = nr_blocks;

		while (high - low > 1) {
			size_t middle = (low + high) / 2;

			if (first[middle].p <= blocks[i].p)
				low = middle;
			else
				high = middle;
		}
		inside += blocks[i].p >= first[low].p &&
			  blocks[i].p < first[low].p + size;
	}
	return (unsigned)(inside * 100 / nr_blocks);
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	if (argc != 4)
		return 2;
	owner = (unsigned)atoi(argv[1]);
	other = (unsigned)atoi(argv[2]);
	size = strtoul(argv[3], NULL, 10);
	nr_blocks = TOTAL / size;
	first = own_memory(nr_blocks * sizeof(*first));
	again = own_memory(nr_blocks * sizeof(*again));
	others = own_memory(nr_blocks * sizeof(*others));
	pthread_barrier_init(&step, NULL, 2);
	pthread_create(&threads[0], NULL, free_and_get, NULL);
	pthread_create(&threads[1], NULL, get_and_get_again, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);

	qsort(first, nr_blocks, sizeof(*first), by_address);
	printf("blocks that were the owner's: %u %% of its new ones, %u %% of "
	       "the other's\n",
	       percent_inside(again), percent_inside(others));
	CHECK(percent_inside(again) >= 75);
	CHECK(percent_inside(others) == 0);
	CHECK(blocks_are_on("the owner's", again, nr_blocks, owner, 99));
	CHECK(blocks_are_on("the other's", others, nr_blocks, other, 99));
	return check_result();
}
