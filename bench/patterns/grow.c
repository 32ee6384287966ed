/* SPDX-License-Identifier: MIT */
/*
 * grow - one block that realloc grows from a few MiB to GiBs, MiB by MiB
 *
 * Of every new MiB some pages are written, by default all, and checked at the
 * end. With written=1 little is left but the moving, and those who move pages
 * instead of bytes never touch the rest.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common.h"

#define MIB  ((size_t)1 << 20)
#define PAGE ((size_t)4096)

static long from = 4, to = 1024, written = 256;

static size_t *word(char *block, size_t mib, long page)
{
	return (size_t *)(block + (mib - 1) * MIB + (size_t)page * PAGE);
}

static char *grown(char *p, size_t mib)
{
	p = realloc(p, mib * MIB);
	if (!p) {
		fprintf(stderr, "out of memory: %zu MiB\n", mib);
		exit(3);
	}
	for (long page = 0; page < written; page++)
		*word(p, mib, page) = mib;
	return p;
}

static void check(char *p, size_t mib)
{
	for (long page = 0; page < written; page++) {
		if (*word(p, mib, page) == mib)
			continue;
		fprintf(stderr, "page %ld of MiB %zu was lost\n", page, mib);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "from", &from },
		{ "to", &to },
		{ "written", &written },
	};
	char *p = NULL;
	double t0;

	params_parse(argc, argv, params, NR_PARAMS(params));
	if (from < 1 || to < from || written < 1 || written > 256)
		return 2;
	t0 = now_seconds();
	for (long mib = from; mib <= to; mib++)
		p = grown(p, (size_t)mib);
	t0 = now_seconds() - t0;
	for (long mib = from; mib <= to; mib++)
		check(p, (size_t)mib);
	free(p);
	report("grow", (double)(to - from + 1), t0);
	return 0;
}
