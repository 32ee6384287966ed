/* SPDX-License-Identifier: MIT */
/*
 * alone.c MiB [seconds] - one thread and a heap of four times the option
 * "limit"
 *
 * Where only one thread touches what is out, the service runs beside it and
 * moves pages for swapd, between two touches and while others are on their way.
 * Pages are verified and written here and there, blocks freed, made anew and
 * moved, and children that are forked meanwhile verify what they find, and open
 * a stream in a thread of their own. The limit is given here too, as the test
 * has to know it.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "heap.h"

#define TIMES	  4
#define BLOCK	  (64 * HEAP_PAGE)
#define PER_BLOCK (BLOCK / HEAP_PAGE)
#define PER_FORK  20000 /* pages */
#define IN_CHILD  500
#define LEAST_IN  1000 /* pages a second that must have come back */

static char **block;
static unsigned *version; /* of each page */
static size_t nr_pages;
static uint64_t state = 1;

static size_t any(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % n;
}

static uint64_t *page_at(size_t p)
{
	return (uint64_t *)(block[p / PER_BLOCK] + p % PER_BLOCK * HEAP_PAGE);
}

static uint64_t key(size_t p)
{
	return pattern_word(version[p], p);
}

static void write_page(size_t p)
{
	version[p]++;
	for (size_t i = 0; i < HEAP_PAGE / 8; i++)
		page_at(p)[i] = heap_word(key(p), i);
}

static int is_wrong(size_t p)
{
	for (size_t i = 0; i < HEAP_PAGE / 8; i++)
		if (page_at(p)[i] != heap_word(key(p), i))
			return 1;
	return 0;
}

static size_t wrong_of(size_t nr)
{
	size_t wrong = 0;

	while (nr--)
		wrong += (size_t)is_wrong(any(nr_pages));
	return wrong;
}

static void *open_stream(void *wrong)
{
	FILE *f = fopen("/dev/null", "w");

	*(size_t *)wrong += !f || fclose(f);
	return NULL;
}

/* If it knows of one thread, libc resets no lock in the child. */
static size_t wrong_in_child(void)
{
	size_t wrong = wrong_of(IN_CHILD);
	pthread_t t;

	if (pthread_create(&t, NULL, open_stream, &wrong))
		return 1;
	pthread_join(t, NULL);
	return wrong;
}

static void fork_one(void)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid)
		_exit(wrong_in_child() > 0);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && !status);
}

/* Another block at the same place of the table, or the same one elsewhere. */
static void change_block(size_t b)
{
	if (any(2)) {
		free(block[b]);
		block[b] = aligned_alloc(HEAP_PAGE, BLOCK);
		for (size_t p = 0; p < PER_BLOCK; p++)
			write_page(b * PER_BLOCK + p);
	} else {
		block[b] = realloc(block[b], BLOCK + any(64) * HEAP_PAGE);
	}
	CHECK(block[b]);
}

static void touch_one(size_t p)
{
	CHECK(!is_wrong(p));
	if (!any(4))
		write_page(p);
	if (!any(400))
		change_block(p / PER_BLOCK);
}

int main(int argc, char **argv)
{
	int seconds = argc > 2 ? atoi(argv[2]) : 10;
	time_t end;

	if (argc < 2)
		return 2;
	if (!swap_possible())
		return SKIP;
	nr_pages = strtoul(argv[1], NULL, 10) * TIMES * MIB / HEAP_PAGE;
	block = own_memory(nr_pages / PER_BLOCK * sizeof(*block));
	version = own_memory(nr_pages * sizeof(*version));
	for (size_t b = 0; b < nr_pages / PER_BLOCK; b++) {
		block[b] = aligned_alloc(HEAP_PAGE, BLOCK);
		CHECK(block[b]);
		for (size_t p = 0; p < PER_BLOCK; p++)
			write_page(b * PER_BLOCK + p);
	}
	end = time(NULL) + seconds;
	for (size_t n = 1; time(NULL) < end; n++) {
		touch_one(any(nr_pages));
		if (n % PER_FORK == 0)
			fork_one();
	}
	for (size_t p = 0; p < nr_pages; p++)
		CHECK(!is_wrong(p));
	if (under_libmm())
		CHECK(heap_count("pswpin ") > (double)seconds * LEAST_IN);
	return check_result();
}
