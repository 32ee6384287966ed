/* SPDX-License-Identifier: MIT */
/*
 * misuse.h - how a misuse program tells its driver what it is about to do
 *
 * One line on stdout, "ADDRESS USABLE_SIZE BASE", written with no allocation:
 * the misuse follows at once, with nothing between its two halves.
 */
#ifndef TESTS_MISUSE_H
#define TESTS_MISUSE_H

#include <malloc.h>

#include "check.h"

/* The compiler must not see which pointer this is. */
static inline void *hidden(void *p)
{
	void *volatile v = p;

	return v;
}

static inline void announce(void *misused, size_t usable, void *base)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%p %zu %p\n", misused, usable,
			 base);

	if (write(1, line, (size_t)n) != n)
		_exit(3);
}

static inline void announce_block(void *p)
{
	announce(p, malloc_usable_size(p), p);
}

static inline size_t size_argument(int argc, char **argv)
{
	if (argc != 2)
		_exit(2);
	return strtoul(argv[1], NULL, 0);
}

#endif
