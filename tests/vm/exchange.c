/* SPDX-License-Identifier: MIT */
/*
 * exchange.c - two threads on two nodes free each other's blocks
 *
 * usage: exchange NODE NODE
 *
 * In each generation a thread frees what the other has allocated in the one
 * before, and allocates as much. Prints how many of 10,000 pages of freshly
 * allocated blocks are not on the node of the thread that asked for them.
 */
#include <pthread.h>

#include "nodes.h"

#define NR_BLOCKS   512
#define GENERATIONS 60
/* Counted are those after the first ones. */
#define WARM_UP 10

static struct side {
	pthread_t thread;
	unsigned node;
	struct block blocks[NR_BLOCKS];
	size_t pages, remote;
} sides[2];
static pthread_barrier_t step;

static void *run(void *arg)
{
	struct side *mine = arg, *theirs = &sides[mine == sides];
	struct block fresh[NR_BLOCKS];
	uint64_t rnd = mine->node + 1;

	run_on_node(mine->node);
	for (int i = 0; i < GENERATIONS; i++) {
		struct tally t;

		free_blocks(theirs->blocks, NR_BLOCKS);
		get_blocks(fresh, NR_BLOCKS, 16, KIB, &rnd);
		t = tally_blocks(fresh, NR_BLOCKS);
		if (i >= WARM_UP) {
			mine->pages += t.pages;
			mine->remote += t.pages - t.on[mine->node];
		}
		pthread_barrier_wait(&step);
		memcpy(mine->blocks, fresh, sizeof(fresh));
		pthread_barrier_wait(&step);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	size_t pages, remote;

	if (argc != 3)
		return 2;
	pthread_barrier_init(&step, NULL, 2);
	for (int i = 0; i < 2; i++) {
		sides[i].node = (unsigned)atoi(argv[1 + i]);
		pthread_create(&sides[i].thread, NULL, run, &sides[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(sides[i].thread, NULL);
	pages = sides[0].pages + sides[1].pages;
	remote = sides[0].remote + sides[1].remote;
	fprintf(stderr, "%zu of %zu pages are remote\n", remote, pages);
	printf("%zu\n", remote * 10000 / pages);
	return 0;
}
