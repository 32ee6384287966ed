/* SPDX-License-Identifier: MIT */
/*
 * migrate.c - does new memory follow a thread that moves to another node?
 *
 * usage: migrate FROM TO SIZE BLOCKS
 *
 * Allocates on node FROM, moves to node TO, and allocates BLOCKS blocks, after
 * which 99 % of the pages of further ones have to be there.
 */
#include "nodes.h"

static unsigned from, to;
static size_t size, nr, more;

/* The number of blocks until the last that is elsewhere. */
static size_t last_elsewhere(const struct block *blocks, size_t n)
{
	for (; n; n--) {
		struct tally t = tally_blocks(&blocks[n - 1], 1);

		if (t.on[to] < t.pages)
			break;
	}
	return n;
}

static void *move(void *unused)
{
	struct block *before = own_memory(more * sizeof(*before));
	struct block *after = own_memory((nr + more) * sizeof(*after));
	uint64_t rnd = 1;

	get_blocks(before, more, size, size, &rnd);
	CHECK(blocks_are_on("before", before, more, from, 99));
	run_on_node(to);
	get_blocks(after, nr + more, size, size, &rnd);
	printf("of %zu blocks, the last elsewhere is number %zu\n", nr + more,
	       last_elsewhere(after, nr + more));
	CHECK(blocks_are_on("after", after + nr, more, to, 99));
	return unused;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	from = (unsigned)atoi(argv[1]);
	to = (unsigned)atoi(argv[2]);
	size = strtoul(argv[3], NULL, 10);
	nr = strtoul(argv[4], NULL, 10);
	more = nr / 4;
	start_on_node(from, move);
	return check_result();
}
