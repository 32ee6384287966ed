// SPDX-License-Identifier: MIT
/*
 * access.c - touches pages of a large heap, and says how fast that goes
 *
 * usage: access PATTERN MIB SECONDS [BLOCK-KIB]
 *
 * The heap holds records as programs have them: pointers into one region,
 * small numbers, short texts, and gaps; about 2.5 times compressible by LZ4.
 * Each access reads, or in one of four cases writes, a word of a page.
 * Patterns:
 *
 *   uniform  any page
 *   hot      nine of ten to the first tenth of the heap
 *   seq      page after page
 *   zipf     the n-th page with probability 1/n
 *
 * The program knows nothing of swap: run it under libmm with a limit, or in a
 * cgroup with one and the kernel's own swap. Prints accesses per second.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE 4096

static uint64_t state = 88172645463325252;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Words of a record: type, count, two links, a number, a hash, gaps. */
static void fill(char *page)
{
	uint64_t *w = (uint64_t *)page,
		 region = 0x7f0000000000 + (next() << 24 >> 20);

	for (size_t i = 0; i < PAGE / 8; i++)
		switch (i % 8) {
		case 0:
			w[i] = 0x55d0a1b20000 + next() % 4 * 0x340;
			break;
		case 1:
			w[i] = 1 + (next() % 8 == 0);
			break;
		case 2:
		case 3:
			w[i] = region + next() % 65536 * 16;
			break;
		case 4:
			w[i] = next() % 64;
			break;
		case 5:
			w[i] = next() % 4 ? next() & 0xffffffff : next();
			break;
		default:
			w[i] = 0;
		}
}

static size_t nr_pages, at;
static double log_pages;

static size_t uniform(void)
{
	return next() % nr_pages;
}

static size_t hot(void)
{
	return next() % 10 ? next() % (nr_pages / 10) : uniform();
}

static size_t seq(void)
{
	return at++ % nr_pages;
}

/* The n-th page is anywhere: neighbours are not alike. */
static size_t zipf(void)
{
	double u = (double)(next() >> 11) / 9007199254740992.0;
	size_t rank = (size_t)exp(u * log_pages) - 1;

	return rank * 2654435761U % nr_pages;
}

static const struct {
	const char *name;
	size_t (*next)(void);
} patterns[] = {
	{ "uniform", uniform },
	{ "hot", hot },
	{ "seq", seq },
	{ "zipf", zipf },
};

static char **blocks;
static size_t block_pages, sum;

static void touch(size_t page)
{
	uint64_t *w = (uint64_t *)(blocks[page / block_pages] +
				   page % block_pages * PAGE);

	if (next() % 4)
		sum += w[1];
	else
		w[4] = next() % 64;
}

static double run(size_t (*pattern)(void), double seconds)
{
	double start = now(), end = start + seconds, t;
	size_t n = 0;

	do {
		for (int i = 0; i < 64; i++)
			touch(pattern());
		n += 64;
		t = now();
	} while (t < end);
	return (double)n / (t - start);
}

int main(int argc, char **argv)
{
	size_t mib = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	double seconds = argc > 3 ? atof(argv[3]) : 0;
	size_t nr_blocks;

	block_pages = (argc > 4 ? strtoul(argv[4], NULL, 10) : 1024) / 4;
	for (size_t i = 0; mib && block_pages && i < 4; i++) {
		if (strcmp(argv[1], patterns[i].name))
			continue;
		nr_blocks = mib * 256 / block_pages;
		nr_pages = nr_blocks * block_pages;
		log_pages = log((double)nr_pages);
		blocks = calloc(nr_blocks, sizeof(*blocks));
		for (size_t k = 0; k < nr_blocks; k++) {
			blocks[k] = malloc(block_pages * PAGE);
			if (!blocks[k]) {
				perror("malloc");
				return 1;
			}
			for (size_t p = 0; p < block_pages; p++)
				fill(blocks[k] + p * PAGE);
		}
		run(patterns[i].next, seconds / 2);
		printf("%.0f\n", run(patterns[i].next, seconds));
		return sum == 1;
	}
	fprintf(stderr,
		"usage: access uniform|hot|seq|zipf MIB SECONDS [BLOCK-KIB]\n");
	return 2;
}
