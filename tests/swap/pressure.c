/* SPDX-License-Identifier: MIT */
/*
 * pressure.c - "some" and "full" of the view pressure
 *
 * A program that waits for its pages and does nothing else waits in full; one
 * whose other threads are at work meanwhile hardly does.
 */
#include <pthread.h>

#include "heap.h"

#define SPINNERS  3
#define ROUNDS	  3
#define NOTED_SEC 5 /* the averages are brought up to date by then */

struct totals {
	double some, full;
};

static int stop;

static void *spin(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		;
	return unused;
}

static double total_of(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	line = line ? strstr(line, "total=") : NULL;
	CHECK(line);
	return line ? atof(line + strlen("total=")) : 0;
}

static struct totals read_totals(void)
{
	char text[512] = "";

	heap_show("pressure", text, sizeof(text));
	fputs(text, stdout);
	return (struct totals){ total_of(text, "some"),
				total_of(text, "full") };
}

/* From the last page to the first: neighbours do not come along. */
static void touch_all(const struct heap *h)
{
	for (int round = 0; round < ROUNDS; round++) {
		heap_evict(h);
		for (unsigned b = h->nr; b--;)
			for (size_t p = h->size; p; p -= HEAP_PAGE)
				*(volatile char *)&h->block[b][p - HEAP_PAGE];
	}
}

/* The part of the waiting that was in full. */
static double waits(const struct heap *h)
{
	struct totals before = read_totals(), after;

	touch_all(h);
	sleep(NOTED_SEC);
	after = read_totals();
	CHECK(after.some - before.some > 10000);
	return (after.full - before.full) / (after.some - before.some);
}

int main(void)
{
	pthread_t spinner[SPINNERS];
	double alone, beside;
	struct heap h;

	if (!swap_possible() || !under_libmm())
		return SKIP;
	heap_make(&h, 256, 64 * KIB);
	alone = waits(&h);
	for (int i = 0; i < SPINNERS; i++)
		CHECK(!pthread_create(&spinner[i], NULL, spin, NULL));
	sleep(NOTED_SEC); /* until they are known */
	beside = waits(&h);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < SPINNERS; i++)
		pthread_join(spinner[i], NULL);
	printf("in full: alone %.2f, beside others at work %.2f\n", alone,
	       beside);
	CHECK(alone > 0.5 && alone <= 1);
	CHECK(beside < alone * 3 / 4);
	CHECK(!heap_wrong(&h));
	return check_result();
}
