/* SPDX-License-Identifier: MIT */
/*
 * squeeze.c - a node is full for a while, of memory that is not malloc's
 *
 * usage: squeeze NODE NEAREST
 *
 * While NODE has none to spare, a thread that runs there gets new blocks on
 * the NEAREST node; when there is room again they are on NODE, as before, all
 * but the first ones.
 */
#include "nodes.h"

#define SIZE	  (16 * KIB)
#define NR_BLOCKS 2000
/* Those that may be elsewhere while libmm finds out that there is room. */
#define NR_FIRST 1000

static unsigned home, nearest;

/* Touches memory until the last MiB of it is on another node. */
static char *fill_home(size_t length)
{
	char *p = own_memory(length);

	for (size_t i = 0; i < length; i += MIB) {
		struct block part = { p + i, MIB };
		struct tally t;

		memset(part.p, 1, part.size);
		t = tally_blocks(&part, 1);
		if (percent_on(&t, home) < 50)
			return p;
	}
	fprintf(stderr, "node %u does not fill\n", home);
	exit(2);
}

static void check_new(const char *when, unsigned node, size_t skip)
{
	static struct block blocks[NR_BLOCKS];
	uint64_t rnd = 1;

	get_blocks(blocks, NR_BLOCKS, SIZE, SIZE, &rnd);
	/* a page now and then is to be had on a full node, too */
	CHECK(blocks_are_on(when, blocks + skip, NR_BLOCKS - skip, node,
			    node == home ? 99 : 90));
}

static void *squeeze(void *unused)
{
	size_t length = node_free(home) + 16 * MIB;
	char *p;

	check_new("before", home, 0);
	p = fill_home(length);
	check_new("full", nearest, 0);
	munmap(p, length);
	check_new("room again", home, NR_FIRST);
	return unused;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	home = (unsigned)atoi(argv[1]);
	nearest = (unsigned)atoi(argv[2]);
	start_on_node(home, squeeze);
	return check_result();
}
