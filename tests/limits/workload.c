/* SPDX-License-Identifier: MIT */
/*
 * workload.c - allocates under scarcity: success or ENOMEM, and nothing lost
 *
 * Usage: workload [-m KIB] [-s] [-x MIB]
 *
 * -m: largest block; -s: strict, nothing may fail; -x: then allocate until
 * nothing is left, expect to have got so many MiB, and recover.
 *
 * The part between two calls of getppid() is the one in which a launcher may
 * make system calls fail. What comes after must always succeed.
 */
#include <malloc.h>
#include <pthread.h>

#include "check.h"

#define NR_SLOTS   64
#define NR_OPS	   300
#define NR_THREADS 2
#define CHECKED	   (16 * KIB) /* bytes of a block that carry the pattern */
#define STACK_SIZE (256 * KIB)
#define MARK	   4711 /* an errno that nobody sets */

struct block {
	char *p;
	size_t size;
};

struct worker {
	uint64_t rnd;
	struct block slots[NR_SLOTS];
};

static size_t max_size = 6 * MIB;
static int strict;

static size_t random_size(uint64_t *rnd)
{
	size_t n = 1 + random_next(rnd) % ((size_t)64 << random_next(rnd) % 18);

	if (random_next(rnd) % 64 == 0)
		n = max_size - random_next(rnd) % (max_size / 4);
	return n < max_size ? n : max_size;
}

static size_t checked(size_t size)
{
	return size < CHECKED ? size : CHECKED;
}

static void check_block(const struct block *b, size_t n)
{
	CHECK(pattern_intact(b->p, checked(n), (uintptr_t)b));
}

static void adopt(struct block *b, char *p, size_t size)
{
	b->p = p;
	b->size = size;
	pattern_fill(p, checked(size), (uintptr_t)b);
}

/* Whatever failed must have said so. */
static int failed(const void *p, size_t size)
{
	if (p)
		return 0;
	CHECK(errno == ENOMEM);
	if (strict) {
		fprintf(stderr, "no block of %zu bytes\n", size);
		check_report("strict", 0, "every allocation succeeds");
	}
	return 1;
}

static void allocate(struct block *b, uint64_t *rnd)
{
	size_t size = random_size(rnd);
	size_t align = (size_t)16 << random_next(rnd) % 12;
	int how = random_next(rnd) % 4;
	char *p;

	errno = 0;
	if (how == 0)
		p = calloc(1, size);
	else if (how == 1)
		p = memalign(align, size);
	else
		p = malloc(size);
	if (failed(p, size))
		return;
	CHECK(how != 1 || aligned_to(p, align));
	CHECK(how != 0 || (all_zero(p, checked(size)) && !p[size - 1]));
	adopt(b, p, size);
}

static void resize(struct block *b, uint64_t *rnd)
{
	size_t size = random_size(rnd);
	char *p;

	check_block(b, b->size);
	errno = 0;
	p = realloc(b->p, size);
	if (failed(p, size)) {
		check_block(b, b->size);
		return;
	}
	b->p = p;
	check_block(b, (size < b->size ? size : b->size) / 8 * 8);
	adopt(b, p, size);
}

static void release(struct block *b)
{
	if (!b->p)
		return;
	check_block(b, b->size);
	errno = MARK;
	free(b->p);
	CHECK(errno == MARK);
	b->p = NULL;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int i;

	for (i = 0; i < NR_OPS; i++) {
		struct block *b = &w->slots[random_next(&w->rnd) % NR_SLOTS];

		if (!b->p)
			allocate(b, &w->rnd);
		else if (random_next(&w->rnd) % 2)
			resize(b, &w->rnd);
		else
			release(b);
	}
	return NULL;
}

static void release_all(struct worker *w)
{
	int i;

	for (i = 0; i < NR_SLOTS; i++)
		release(&w->slots[i]);
}

/* Threads work one after the other: the calls' order must not vary. */
static void work_in_threads(struct worker *w)
{
	pthread_attr_t attr;
	pthread_t t;
	int i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (i = 0; i < NR_THREADS; i++) {
		if (pthread_create(&t, &attr, work, &w[i]) == 0)
			pthread_join(t, NULL);
		else
			CHECK(!strict);
	}
	for (i = 0; i < NR_THREADS; i++)
		release_all(&w[i]);
}

/* Blocks chained through their first words, until there are no more. */
static void exhaust(size_t size, size_t expected)
{
	char *chain = NULL, *p;
	size_t got = 0;

	while ((errno = 0, p = malloc(size))) {
		memcpy(p, &chain, sizeof(chain));
		p[size - 1] = 0x3c;
		chain = p;
		got += size;
	}
	CHECK(errno == ENOMEM);
	p = calloc(1, size);
	CHECK(p || errno == ENOMEM);
	free(p);
	printf("%zu MiB in blocks of %zu bytes\n", got / MIB, size);
	CHECK(got >= expected);
	CHECK(!chain || !realloc(chain, got + size));
	while (chain) {
		CHECK(chain[size - 1] == 0x3c);
		p = chain;
		memcpy(&chain, p, sizeof(chain));
		free(p);
	}
}

int main(int argc, char **argv)
{
	struct worker *w = own_memory((NR_THREADS + 1) * sizeof(*w));
	size_t to_exhaust = 0;
	int opt, i;

	while ((opt = getopt(argc, argv, "m:sx:")) != -1) {
		if (opt == 'm')
			max_size = strtoul(optarg, NULL, 0) * KIB;
		else if (opt == 's')
			strict = 1;
		else if (opt == 'x')
			to_exhaust = strtoul(optarg, NULL, 0) * MIB;
		else
			return 2;
	}
	for (i = 0; i <= NR_THREADS; i++)
		w[i].rnd = (uint64_t)i + 88172645463325252u;
	getppid();
	work(&w[NR_THREADS]);
	work_in_threads(w);
	release_all(&w[NR_THREADS]);
	getppid();
	if (to_exhaust) {
		if (to_exhaust <= GIB)
			exhaust(KIB, to_exhaust);
		exhaust(40 * KIB, to_exhaust);
		exhaust(3 * MIB, to_exhaust);
	}
	strict = 1;
	work_in_threads(w);
	return check_result();
}
