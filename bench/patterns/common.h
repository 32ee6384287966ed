/* SPDX-License-Identifier: MIT */
/*
 * common.h - what every pattern program shares
 *
 * A pattern does a fixed amount of work, given by its parameters and a seed,
 * and prints one line of JSON. Its cost is the wall time of the process; the
 * seconds in that line are those of the steady phase alone.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/** struct param - one NAME=NUMBER argument, with its default in *@value */
struct param {
	const char *name;
	long *value;
};

#define NR_PARAMS(p) (sizeof(p) / sizeof((p)[0]))

/**
 * params_parse - set parameters from the command line
 * @argc:   as main() has it
 * @argv:   as main() has it, arguments being NAME=NUMBER
 * @params: the known ones; "seed" is always known
 * @n:	    how many
 *
 * Prints the parameters and exits with 2 on an unknown name or a number < 0.
 */
void params_parse(int argc, char **argv, const struct param *params, size_t n);

/** struct rng - xorshift64*, after S. Vigna (2016); never 0 */
struct rng {
	uint64_t state;
};

/** rng_make - the generator of stream @stream under the command line's seed */
struct rng rng_make(uint64_t stream);

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t x = r->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	r->state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

/** rng_below - a number from 0 to @n - 1, @n below 2^32 */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}

/** rng_skewed - a size from 16 to 1023, each doubling half as likely */
static inline size_t rng_skewed(struct rng *r)
{
	uint64_t x = rng_next(r);
	unsigned k = (unsigned)__builtin_ctzll((x & 0x1f) | 0x20);
	size_t base = (size_t)16 << k;

	return base + ((x >> 32) & (base - 1));
}

/** Mean of rng_skewed(), for turning a working set into a number of blocks. */
#define RNG_SKEWED_MEAN 83

/** xmalloc - malloc() that ends the program instead of returning NULL */
void *xmalloc(size_t size);

/** touch - write the first and the last byte of a block */
static inline void touch(void *p, size_t size)
{
	volatile char *c = p;

	c[0] = 1;
	c[size - 1] = 2;
}

/** now_seconds - monotonic time */
double now_seconds(void);

/** thread_start - pthread_create() that ends the program on failure */
pthread_t thread_start(void *(*fn)(void *), void *arg);

/** threads_run - run fn(base + i * size) in @n threads and join them all */
void threads_run(void *(*fn)(void *), void *base, size_t size, long n);

/**
 * workers_run - run fn(struct rng *) in @n threads, @times over
 *
 * Thread i draws from stream i, on where its predecessor stopped. Returns the
 * seconds that all of it took.
 */
double workers_run(void *(*fn)(void *), long n, long times);

/**
 * report - print the line of JSON
 * @name:    of the pattern
 * @ops:     allocations made in the steady phase
 * @seconds: that it took
 *
 * Call it when everything is freed again: it reports the RSS left over.
 */
void report(const char *name, double ops, double seconds);

#endif
