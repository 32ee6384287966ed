/* SPDX-License-Identifier: MIT */
/*
 * onnode.c - does mm_alloc_node() give memory of the node it is asked for?
 *
 * usage: onnode RUNS NODE...
 *
 * A thread on node RUNS asks for blocks on each NODE, a thread on another frees
 * them, and they are asked for once more. 99 % of the pages have to be on their
 * node each time, and mm_stats() has to say who took how many from where.
 */
#include "nodes.h"
#include "identities.h"

#define NR_BLOCKS 400
#define LOW	  64
#define HIGH	  (2 * MIB)
#define OWN_MAP	  (40 * MIB)

static __typeof__(mm_alloc_node) *alloc_node;
static __typeof__(mm_node_of) *node_of;
static unsigned runs, node;
static struct block blocks[NR_BLOCKS];

static void get_on_node(uint64_t *rnd)
{
	for (unsigned i = 0; i < NR_BLOCKS; i++) {
		size_t size = LOW << random_next(rnd) % 13;

		if (!i)
			size = OWN_MAP;
		blocks[i] = (struct block){ alloc_node(size, (int)node), size };
		CHECK(blocks[i].p);
		CHECK(node_of(blocks[i].p) == (int)node);
		memset(blocks[i].p, 1, size);
	}
}

static void *free_all(void *unused)
{
	free_blocks(blocks, NR_BLOCKS);
	return unused;
}

static const struct mm_node_stats *stats_of(const struct mm_stats *st)
{
	for (unsigned i = 0; i < st->nr_nodes; i++)
		if (st->node[i].node == (int)node)
			return &st->node[i];
	fprintf(stderr, "no figures of node %u\n", node);
	exit(1);
}

static void *ask(void *unused)
{
	struct mm_stats before, after;
	uint64_t rnd = 1, taken, others;

	check_identities(&before);
	get_on_node(&rnd);
	CHECK(blocks_are_on("asked for", blocks, NR_BLOCKS, node, 99));
	check_identities(&after);
	taken = stats_of(&after)->numa_hit - stats_of(&before)->numa_hit;
	others = stats_of(&after)->other_node - stats_of(&before)->other_node;
	printf("node %u: %lu pages taken, %lu from another node\n", node, taken,
	       others);
	CHECK(taken > 1000);
	CHECK(others == (node == runs ? 0 : taken));
	CHECK(stats_of(&after)->numa_miss == 0);
	return unused;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if (!find_mm_stats())
		return 1;
	*(void **)&alloc_node = mm_symbol("mm_alloc_node");
	*(void **)&node_of = mm_symbol("mm_node_of");
	runs = (unsigned)atoi(argv[1]);
	for (int i = 2; i < argc; i++) {
		node = (unsigned)atoi(argv[i]);
		for (unsigned round = 0; round < 2; round++) {
			start_on_node(runs, ask);
			start_on_node(runs ? 0 : 1, free_all);
		}
	}
	return check_result();
}
