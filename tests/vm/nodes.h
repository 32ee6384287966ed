/* SPDX-License-Identifier: MIT */
/*
 * nodes.h - which node a thread runs on, and which nodes its memory is on
 *
 * The kernel is asked, not libmm: move_pages(2) names the node of each page.
 * Nothing here allocates.
 */
#ifndef TESTS_NODES_H
#define TESTS_NODES_H

#include <stdbool.h>

#include "check.h"

#define MAX_NODES 8

/* A block of the heap. */
struct block {
	char *p;
	size_t size;
};

/* Pages by node. */
struct tally {
	size_t pages, on[MAX_NODES];
};

/**
 * run_on_node - move this thread to the CPUs of a node
 *
 * Ends the program if the node has none.
 */
void run_on_node(unsigned node);

/**
 * start_on_node - run a new thread that is on a node from its start
 *
 * Returns when the thread has ended. The caller stays on that node.
 */
void start_on_node(unsigned node, void *(*body)(void *));

/** get_block - malloc, and write all of it; ends the program without memory */
struct block get_block(size_t size);

/** get_blocks - fill an array with blocks of random sizes in a range */
void get_blocks(struct block *blocks, size_t nr, size_t low, size_t high,
		uint64_t *rnd);

/** free_blocks - free all blocks of an array */
void free_blocks(struct block *blocks, size_t nr);

/** tally_blocks - count the pages of some blocks by node, each page once */
struct tally tally_blocks(const struct block *blocks, size_t nr);

/** percent_on - how many percent of the pages are on a node, rounded down */
unsigned percent_on(const struct tally *t, unsigned node);

/** tally_print - one line: what, and the pages of each node */
void tally_print(const char *what, const struct tally *t);

/**
 * blocks_are_on - are so many percent of the pages of some blocks on a node
 *
 * Prints the tally as tally_print() does.
 */
bool blocks_are_on(const char *what, const struct block *blocks, size_t nr,
		   unsigned node, unsigned percent);

/** node_free - free bytes of a node, 0 if there is no such node */
size_t node_free(unsigned node);

#endif
