/* SPDX-License-Identifier: MIT */
/*
 * lowered.c - a program that limits its own address space (RLIMIT_AS)
 *
 * Afterwards it can still map and start threads, malloc takes what there is and
 * then says ENOMEM, and nothing that was there before is lost. When the limit
 * has gone, the heap grows on as if there had been none; and a smaller window
 * than the heap needs is no limit.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "check.h"
#include "mm/mm.h"

#define LIMIT  (512 * MIB)
#define BEFORE (2 * MIB / 40)
#define BLOCK  (100 * KIB)
#define MOST   20000

static char *small[BEFORE], *block[MOST];

static void limit_to(rlim_t bytes)
{
	struct rlimit limit = { bytes, RLIM_INFINITY };

	CHECK(!setrlimit(RLIMIT_AS, &limit));
}

static void *use_heap(void *arg)
{
	char *p = malloc(1000);

	CHECK(p);
	free(p);
	return arg;
}

static void map_and_start_a_thread(void)
{
	void *p = mmap(NULL, 32 * MIB, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	int err = pthread_create(&thread, NULL, use_heap, NULL);

	CHECK(p != MAP_FAILED);
	munmap(p, 32 * MIB);
	CHECK(!err);
	if (!err)
		pthread_join(thread, NULL);
}

/* How many blocks there are to be had, up to @most. */
static size_t take(size_t size, size_t most)
{
	size_t nr = 0;

	errno = 0;
	while (nr < most && (block[nr] = malloc(size))) {
		block[nr][0] = block[nr][size - 1] = (char)nr;
		nr++;
	}
	CHECK(nr == most || errno == ENOMEM);
	return nr;
}

static void give_back(size_t size, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		CHECK(block[i][0] == (char)i && block[i][size - 1] == (char)i);
		free(block[i]);
	}
}

static void look(const char *what, size_t nr, size_t least, size_t most)
{
	printf("%s: %zu blocks\n", what, nr);
	CHECK(nr >= least && nr <= most);
}

/* What only programs that ask for it use lies where the window is cut. */
static void use_other_zones(void)
{
	void *(*alloc_zone)(size_t, enum mm_zone_type, unsigned) =
		mm_symbol("mm_alloc_zone");

	for (int zone = MM_ZONE_DMA; zone <= MM_ZONE_NORMAL; zone++) {
		char *p = alloc_zone(MIB, (enum mm_zone_type)zone, 0);

		CHECK(p);
		memset(p, 1, MIB);
		free(p);
	}
}

int main(void)
{
	size_t nr;

	for (size_t i = 0; i < BEFORE; i++)
		*(size_t *)(small[i] = malloc(40)) = i;
	nr = take(BLOCK, 200);
	give_back(BLOCK, nr);

	limit_to(LIMIT);
	map_and_start_a_thread();
	use_other_zones();
	nr = take(BLOCK, MOST);
	look("limited", nr, LIMIT / BLOCK / 2, LIMIT / BLOCK);
	give_back(BLOCK, nr);

	limit_to(RLIM_INFINITY);
	nr = take(BLOCK, MOST);
	look("not limited", nr, MOST, MOST);
	give_back(BLOCK, nr);
	map_and_start_a_thread();
	for (size_t i = 0; i < BEFORE; i++) {
		CHECK(*(size_t *)small[i] == i);
		free(small[i]);
	}
	return check_result();
}
