/* SPDX-License-Identifier: MIT */
/*
 * where.c - is new memory where it should be?
 *
 * usage: where [-s] [-r ROUNDS] [NODE:]EXPECTED...
 *
 * One thread for each argument, all at the same time: it runs on NODE, if
 * there is one, and allocates blocks of all sizes; 99 % of the pages of each
 * range of sizes have to be on the EXPECTED node. Are several expected, as in
 * 0,2, then 99 % of all pages are on them, and each has at least half of its
 * fair share. -s leaves out a block of 64 MiB. In each further round the
 * threads start in another order, and find what those before have left.
 */
#include <pthread.h>

#include "nodes.h"

#define MAX_THREADS 8

/* A range of sizes, and how much of it to allocate. */
static const struct range {
	const char *name;
	size_t low, high, total;
} ranges[] = {
	{ "16 B to 1 KiB", 16, KIB, 4 * MIB },
	{ "2 to 32 KiB", 2 * KIB, 32 * KIB, 8 * MIB },
	{ "40 KiB to 8 MiB", 40 * KIB, 8 * MIB, 24 * MIB },
	{ "64 MiB", 64 * MIB, 64 * MIB, 64 * MIB },
};
#define NR_RANGES (sizeof(ranges) / sizeof(ranges[0]))

struct job {
	pthread_t thread;
	const char *arg;
	int node; /* -1: wherever */
	unsigned expected, nr_expected;
};

static struct job jobs[MAX_THREADS];
static unsigned nr_jobs, nr_ranges = NR_RANGES;
static pthread_barrier_t all_written, all_seen;

static size_t blocks_of(const struct range *r)
{
	/* more small ones than large ones: the mean is near the low end */
	return r->total / r->high * (r->low == r->high ? 1 : 3);
}

static void check(const struct job *job, const char *what,
		  const struct tally *t, bool shares)
{
	size_t inside = 0, least = t->pages / job->nr_expected / 2;
	int bad = 0;

	for (unsigned i = 0; i < MAX_NODES; i++) {
		if (!(job->expected & 1U << i))
			continue;
		inside += t->on[i];
		bad |= shares && t->on[i] < least;
	}
	bad |= inside * 100 < t->pages * 99;
	if (bad || shares) {
		char line[120];

		snprintf(line, sizeof(line), "%s%s, %s", bad ? "WRONG: " : "",
			 job->arg, what);
		tally_print(line, t);
	}
	if (bad)
		__atomic_add_fetch(&check_failures, 1, __ATOMIC_RELAXED);
}

static void check_all(const struct job *job, struct block **blocks)
{
	struct tally sum = { 0 };

	for (unsigned i = 0; i < nr_ranges; i++) {
		struct tally t = tally_blocks(blocks[i], blocks_of(&ranges[i]));

		check(job, ranges[i].name, &t, false);
		sum.pages += t.pages;
		for (unsigned n = 0; n < MAX_NODES; n++)
			sum.on[n] += t.on[n];
	}
	check(job, "all", &sum, true);
}

static void *run(void *arg)
{
	const struct job *job = arg;
	struct block *blocks[NR_RANGES];
	uint64_t rnd = (uint64_t)(job - jobs) + 1;

	if (job->node >= 0)
		run_on_node((unsigned)job->node);
	for (unsigned i = 0; i < nr_ranges; i++) {
		size_t n = blocks_of(&ranges[i]);

		blocks[i] = own_memory(n * sizeof(**blocks));
		get_blocks(blocks[i], n, ranges[i].low, ranges[i].high, &rnd);
	}
	pthread_barrier_wait(&all_written);
	check_all(job, blocks);
	pthread_barrier_wait(&all_seen);
	for (unsigned i = 0; i < nr_ranges; i++)
		free_blocks(blocks[i], blocks_of(&ranges[i]));
	return NULL;
}

static void parse(struct job *job, const char *arg)
{
	char *at = strchr(arg, ':');

	job->arg = arg;
	job->node = at ? atoi(arg) : -1;
	at = at ? at + 1 : (char *)arg;
	do {
		job->expected |= 1U << strtoul(at, &at, 10);
		job->nr_expected++;
	} while (*at++ == ',');
}

static void run_round(unsigned first)
{
	pthread_barrier_init(&all_written, NULL, nr_jobs);
	pthread_barrier_init(&all_seen, NULL, nr_jobs);
	for (unsigned i = 0; i < nr_jobs; i++) {
		struct job *job = &jobs[(first + i) % nr_jobs];

		if (pthread_create(&job->thread, NULL, run, job)) {
			perror("pthread_create");
			exit(2);
		}
	}
	for (unsigned i = 0; i < nr_jobs; i++)
		pthread_join(jobs[i].thread, NULL);
}

int main(int argc, char **argv)
{
	unsigned rounds = 1;
	int c;

	while ((c = getopt(argc, argv, "sr:")) != -1) {
		if (c == 's')
			nr_ranges = NR_RANGES - 1;
		else if (c == 'r')
			rounds = (unsigned)atoi(optarg);
		else
			return 2;
	}
	for (; optind < argc && nr_jobs < MAX_THREADS; optind++)
		parse(&jobs[nr_jobs++], argv[optind]);
	for (unsigned i = 0; i < rounds; i++)
		run_round(i);
	return check_result();
}
