/* SPDX-License-Identifier: MIT */
/*
 * sharing - false sharing of cache lines that the allocator causes
 *
 * After E. Berger et al. ("Hoard", ASPLOS 2000). Active: threads that allocate
 * at the same time get neighbours on one line. Passive: one thread allocates
 * neighbours and hands them out; each thread frees its own and must not get
 * part of that line again.
 */
#include <stdlib.h>

#include "common.h"

static long threads = 4, rounds = 2000, writes = 5000, size = 8, passive;

struct worker {
	char *given;
};

static void scribble(volatile char *p)
{
	for (long i = 0; i < writes; i++)
		for (long b = 0; b < size; b++)
			p[b] = (char)(p[b] + 1);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	if (w->given) {
		scribble(w->given);
		free(w->given);
	}
	for (long i = 0; i < rounds; i++) {
		char *p = xmalloc((size_t)size);

		for (long b = 0; b < size; b++)
			p[b] = 0;
		scribble(p);
		free(p);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct param params[] = {
		{ "threads", &threads }, { "rounds", &rounds },
		{ "writes", &writes },	 { "size", &size },
		{ "passive", &passive },
	};
	struct worker *w;
	double t0;

	params_parse(argc, argv, params, NR_PARAMS(params));
	w = xmalloc((size_t)threads * sizeof(*w));
	for (long i = 0; i < threads; i++)
		w[i].given = passive ? xmalloc((size_t)size) : NULL;
	for (long i = 0; passive && i < threads; i++)
		for (long b = 0; b < size; b++)
			w[i].given[b] = 0;
	t0 = now_seconds();
	threads_run(work, w, sizeof(*w), threads);
	t0 = now_seconds() - t0;
	free(w);
	report(passive ? "sharing-passive" : "sharing-active",
	       (double)(threads * rounds), t0);
	return 0;
}
