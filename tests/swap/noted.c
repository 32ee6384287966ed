/* SPDX-License-Identifier: MIT */
/*
 * noted.c - a small object on a page that is swapped out is freed without it
 *
 * Nine of ten are freed while all are out; the rest must be whole, what was
 * freed must be allocated again, and in the end all of it must go.
 */
#include <pthread.h>

#include "heap.h"

#define OBJECTS 60000U
#define BYTES	1000
#define KEPT	10 /* one of so many */
#define FEW	(OBJECTS * BYTES / HEAP_PAGE / 20)

static char **object;

static void make(unsigned i, unsigned version)
{
	object[i] = malloc(BYTES);
	CHECK(object[i]);
	pattern_fill(object[i], BYTES, OBJECTS * version + i);
}

static void evict(void)
{
	size_t (*reclaim)(size_t);

	*(void **)&reclaim = mm_symbol("mm_reclaim");
	if (reclaim)
		reclaim(OBJECTS * BYTES * 2UL);
}

static unsigned count_out(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < OBJECTS; i++)
		n += object[i] && heap_is_out(object[i]);
	return n;
}

static double brought(void)
{
	return under_libmm() ? heap_count("pswpin ") + heap_count("pgrescue ")
			     : 0;
}

static double noted(void)
{
	return under_libmm() ? heap_count("slab_note ") : OBJECTS;
}

static void free_if(int kept)
{
	for (unsigned i = 0; i < OBJECTS; i++)
		if (object[i] && (i % KEPT == 0) == kept) {
			free(object[i]);
			object[i] = NULL;
		}
}

static void *make_all(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < OBJECTS; i++)
		make(i, 0);
	return NULL;
}

static void try_all(void)
{
	double before, notes = noted();

	evict();
	CHECK(!under_libmm() || count_out() > OBJECTS / 10 * 9);
	before = brought();
	free_if(0);
	notes = noted() - notes;
	printf("%.0f pages came back, %.0f notes\n", brought() - before, notes);
	CHECK(brought() - before < FEW);
	CHECK(!under_libmm() || notes > OBJECTS / 10 * 8);
	for (unsigned i = 0; i < OBJECTS; i += KEPT)
		CHECK(pattern_intact(object[i], BYTES, i));
	for (unsigned i = 0; i < OBJECTS; i++)
		if (i % KEPT)
			make(i, 1);
	for (unsigned i = 0; i < OBJECTS; i++)
		CHECK(pattern_intact(object[i], BYTES,
				     i % KEPT ? OBJECTS + i : i));
	evict();
	before = brought();
	free_if(0);
	free_if(1);
	CHECK(brought() - before < FEW);
}

int main(void)
{
	pthread_t thread;

	object = own_memory(OBJECTS * sizeof(*object));
	if (!swap_possible())
		return SKIP;
	make_all(NULL);
	try_all();
	/* of a thread that has ended */
	CHECK(!pthread_create(&thread, NULL, make_all, NULL));
	CHECK(!pthread_join(thread, NULL));
	try_all();
	return check_result();
}
