/* SPDX-License-Identifier: MIT */
/*
 * fill.c - does memory come from the next node when one is full?
 *
 * usage: fill NODE SIZE ORDER
 *
 * Allocates on NODE until the machine has no memory to spare. The nodes have
 * to be used in this ORDER, as in 0,2,1, each but the last until it has less
 * than a sixth of what it had; malloc must not fail, nor the kernel end us. And
 * libmm has to have counted what it took from which node.
 */
#include "identities.h"
#include "nodes.h"

/* Where the blocks of so many bytes are, that is the node in use. */
#define STEP (2 * MIB)
/* The kernel says what is left for programs beside its own reserves. */
#define RESERVE (12 * MIB)

static size_t size, free_at_start[MAX_NODES];
static char order[2 * MAX_NODES + 1]; /* as in ,0,2,1 */
static struct tally there_now;	      /* all pages that were written */
static int counted;

/* Returns the node that has most of the new blocks. */
static unsigned fill_step(struct block *blocks)
{
	size_t nr = size < STEP ? STEP / size : 1;
	unsigned best = 0;
	struct tally t;

	for (size_t i = 0; i < nr; i++)
		blocks[i] = get_block(size);
	t = tally_blocks(blocks, nr);
	for (unsigned i = 0; i < MAX_NODES; i++)
		there_now.on[i] += t.on[i];
	for (unsigned i = 1; i < MAX_NODES; i++)
		if (t.on[i] > t.on[best])
			best = i;
	return best;
}

static void check_full(unsigned node)
{
	size_t left = node_free(node);

	printf("node %u: %zu of %zu MiB left\n", node, left / MIB,
	       free_at_start[node] / MIB);
	CHECK(left < free_at_start[node] / 6);
}

static size_t available(void)
{
	return proc_number("/proc/meminfo", "MemAvailable") * KIB;
}

/*
 * What libmm has counted on each node has to be what is there, but for an
 * eighth: the kernel has the last word when a node is all but full.
 */
static void check_counts(void)
{
	struct mm_stats st;

	check_identities(&st);
	for (unsigned i = 0; i < st.nr_nodes; i++) {
		const struct mm_node_stats *n = &st.node[i];
		size_t pages = n->numa_hit + n->numa_miss;
		size_t there = there_now.on[n->node];

		printf("node %d: %zu pages, counted %zu\n", n->node, there,
		       pages);
		if (there > 4096)
			CHECK(pages >= there - there / 8 &&
			      pages <= there + there / 8);
		/* what was allocated before the thread was on its node */
		CHECK(n->node == atoi(order + 1) ? !n->numa_miss
						 : n->numa_hit < 1024);
	}
}

static void *fill(void *unused)
{
	struct block *blocks = own_memory(STEP / 16 * sizeof(*blocks));
	unsigned node = 0;

	while (available() > RESERVE + size) {
		unsigned next = fill_step(blocks);
		char digit = (char)('0' + next);

		if (strchr(order, digit))
			continue;
		if (*order)
			check_full(node);
		node = next;
		strcat(order, (char[]){ ',', digit, 0 });
	}
	return unused;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	size = strtoul(argv[2], NULL, 10);
	for (unsigned i = 0; i < MAX_NODES; i++)
		free_at_start[i] = node_free(i);
	if (under_libmm())
		counted = find_mm_stats();
	start_on_node((unsigned)atoi(argv[1]), fill);
	if (counted)
		check_counts();
	printf("order: %s, should be %s\n", order + 1, argv[3]);
	CHECK(!strcmp(order + 1, argv[3]));
	return check_result();
}
