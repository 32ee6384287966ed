// SPDX-License-Identifier: MIT
/*
 * unit/slab_note_test.c - objects freed while their pages are out
 *
 * The pages are there all the time; their entries say otherwise, so an object
 * that changes when it is freed has been touched.
 */
#include "slab_test.h"

#define BYTES	   192U
#define NR_OBJECTS (SLAB_SIZE / BYTES)

static struct heap *h;
static struct slab *slab;
static char *object[NR_OBJECTS];

static void pages_are(pte_t state)
{
	for (size_t i = 0; i < SLAB_PAGES; i++) {
		WRITE_ONCE(pfn_to_pte(slab->pfn)[i], state);
		if (state != PTE_PRESENT)
			slab_mark_out(slab->base + (i << PAGE_SHIFT));
	}
}

/* A full slab of whose pages all are out. */
static void start(void)
{
	char *p;

	h = start_slabs();
	p = take(BYTES);
	slab = slab_at(p);
	for (size_t n = 0; slab_at(p) == slab; p = take(BYTES)) {
		fill(p, BYTES, n);
		object[n++] = p;
	}
	assert_int_equal(slab->state, SLAB_FULL);
	pages_are(PTE_SWAPPED);
}

static void give_and_look(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		give(object[i]);
	for (size_t i = from; i < to; i++)
		assert_true(is_filled(object[i], BYTES, i));
}

/* Take objects until the slab is full again; each of @from.. comes once. */
static void take_all(size_t from)
{
	bool seen[NR_OBJECTS] = { false };
	size_t nr = 0;

	while (nr < NR_OBJECTS - from) {
		char *p = take(BYTES);
		size_t i = (size_t)(p - slab->base) / BYTES;

		if (slab_at(p) != slab)
			continue;
		assert_in_range(i, from, NR_OBJECTS - 1);
		assert_false(seen[i]);
		seen[i] = true;
		nr++;
	}
}

static void free_leaves_the_page_alone(void)
{
	start();
	assert_int_equal(slot_owner(slot_of(slab)), h->id);
	assert_int_equal(slab_free_fast(object[0]), FREE_OTHER);
	give_and_look(1, NR_OBJECTS);
	assert_int_equal(slab_nr_notes(slab), NR_OBJECTS - 1);
	assert_int_equal(counted(STAT_slab_note), NR_OBJECTS - 1);
	assert_int_equal(inuse(slab), 1);
	assert_int_equal(slab->state, SLAB_PARTIAL);
	validate_heap(h);
	pages_are(PTE_PRESENT);
	take_all(1);
	assert_null(slab->notes);
	assert_true(is_filled(object[0], BYTES, 0));
	validate_heap(h);
}

static void slab_whose_objects_are_all_freed_goes_back(void)
{
	size_t slabs;

	start();
	slabs = live_slabs();
	give_and_look(0, NR_OBJECTS - 1);
	pages_are(PTE_PRESENT);
	give(object[NR_OBJECTS - 1]);
	assert_int_equal(live_slabs(), slabs - 1);
	for (size_t i = 0; i < NR_OBJECTS - 1; i++)
		assert_true(is_filled(object[i], BYTES, i));
	validate_heap(h);
	validate_zone(highmem());
}

static void what_is_there_is_freed_as_ever(void)
{
	start();
	pages_are(PTE_PRESENT);
	give(object[0]);
	assert_int_equal(counted(STAT_slab_note), 0);
	assert_ptr_equal(slab->freelist, object[0]);
	/* and by the fast path again */
	assert_int_equal(slab_free_fast(object[1]), FREE_DONE);
	validate_heap(h);
}

static void slab_with_the_fewest_faults_is_used_first(void)
{
	struct slab *other;
	char *p, *of_other[NR_OBJECTS];
	size_t n = 0;

	start();
	p = take(BYTES);
	for (other = slab_at(p); slab_at(p) == other; p = take(BYTES))
		of_other[n++] = p;
	for (size_t i = 0; i < n - 1; i++)
		give(of_other[i]);
	give_and_look(0, NR_OBJECTS / 4); /* later, and fuller */
	do
		p = take(BYTES);
	while (slab_at(p) != slab && slab_at(p) != other);
	assert_ptr_equal(slab_at(p), other);
}

static void *start_and_free_half(void *unused)
{
	start();
	give_and_look(0, NR_OBJECTS / 2);
	leave();
	return unused;
}

/* Its notes stay with the slab, whoever has it next. */
static void thread_ends_and_leaves_notes(void)
{
	pthread_t thread;

	assert_int_equal(
		pthread_create(&thread, NULL, start_and_free_half, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(slot_owner(slot_of(slab)), OWNER_ORPHAN);
	assert_int_equal(slab_nr_notes(slab), NR_OBJECTS / 2);
	h = enter();
	give_and_look(NR_OBJECTS / 2, NR_OBJECTS);
	assert_int_equal(counted(STAT_slab_adopt), 1);
	validate_heap(h);
	assert_null(slab_of(&windows[0], object[0]));
}

static void free_twice(void)
{
	give(object[3]);
	give(object[3]);
}

static void free_inside(void)
{
	give(object[3] + 16);
}

static void misuse_is_found_and_told(void)
{
	start();
	assert_aborts(free_twice, "mm: double free of ");
	assert_aborts(free_inside, ": 16 bytes inside an object of 192 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(free_leaves_the_page_alone),
		CHILD_TEST(slab_whose_objects_are_all_freed_goes_back),
		CHILD_TEST(what_is_there_is_freed_as_ever),
		CHILD_TEST(slab_with_the_fewest_faults_is_used_first),
		CHILD_TEST(thread_ends_and_leaves_notes),
		CHILD_TEST(misuse_is_found_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
