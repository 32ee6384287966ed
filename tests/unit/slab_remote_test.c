// SPDX-License-Identifier: MIT
/*
 * unit/slab_remote_test.c - objects that another thread frees
 *
 * The main thread owns the slabs unless a test says otherwise; what it shares
 * with the functions it runs in threads is static.
 */
#include "slab_test.h"

#define NR_OBJECTS 1024 /* of 64 bytes: a whole slab */

static struct heap *owner;
static struct slab *slab;
static char *object[NR_OBJECTS + 1];

/* One slab full of live objects, and one more. */
static void take_all(void)
{
	owner = tcache.heap;
	for (int i = 0; i <= NR_OBJECTS; i++)
		object[i] = take(64);
	slab = slab_at(object[0]);
	assert_ptr_equal(slab_at(object[NR_OBJECTS - 1]), slab);
	assert_ptr_not_equal(slab_at(object[NR_OBJECTS]), slab);
}

static void give_range(int from, int to)
{
	for (int i = from; i < to; i++)
		give(object[i]);
}

/* Drains the owner's inbox, as a slow path of its thread does. */
static void drain_inbox(void)
{
	lock_acquire(&owner->lock);
	__inbox_drain(owner);
	lock_release(&owner->lock);
	validate_heap(owner);
}

/* ---- batches ---- */

static void give_two_batches(void)
{
	struct heap *h = tcache.heap;

	for (int i = 0; i < 2 * BATCH_MAX; i++) {
		assert_int_equal(h->stats.n[STAT_remote_post], i / BATCH_MAX);
		assert_int_equal(!owner->inbox, i < BATCH_MAX);
		give(object[i]);
	}
	assert_int_equal(h->stats.n[STAT_remote_post], 2);
	assert_int_equal(h->stats.n[STAT_remote_free], 2 * BATCH_MAX);
	/* they are on their way, but nobody has touched the slab */
	assert_int_equal(inuse(slab), NR_OBJECTS);
}

static void remote_frees_come_home_in_batches(void)
{
	start_slabs();
	take_all();
	in_thread(give_two_batches);
	assert_int_equal(inuse(slab), NR_OBJECTS);
	assert_int_equal(slab->state, SLAB_FULL);
	drain_inbox();
	assert_int_equal(owner->stats.n[STAT_remote_drain], 2);
	assert_int_equal(inuse(slab), NR_OBJECTS - 2 * BATCH_MAX);
	/* a batch wakes a full slab as single frees do */
	assert_int_equal(slab->state, SLAB_PARTIAL);
	assert_null(owner->inbox);
}

static void owner_takes_what_came_when_its_list_is_empty(void)
{
	start_slabs();
	take_all();
	in_thread(give_two_batches);
	/* the active slab has room, but the inbox is looked at on the way */
	while (owner->inbox)
		take(64);
	for (int i = 0; i < 2 * NR_OBJECTS; i++)
		if (slab_at(take(64)) == slab)
			return;
	fail();
}

static void give_a_few(void)
{
	give_range(0, 10);
	assert_null(owner->inbox);
}

static void thread_that_ends_sends_its_unfinished_batches(void)
{
	start_slabs();
	take_all();
	in_thread(give_a_few);
	assert_non_null(owner->inbox);
	drain_inbox();
	assert_int_equal(inuse(slab), NR_OBJECTS - 10);
}

static void trim_sends_batches(void)
{
	give_range(0, 10);
	heap_trim(tcache.heap);
	assert_non_null(owner->inbox);
}

static void thread_that_trims_sends_its_unfinished_batches(void)
{
	start_slabs();
	take_all();
	in_thread(trim_sends_batches);
	drain_inbox();
	assert_int_equal(inuse(slab), NR_OBJECTS - 10);
}

static char *large_object[4];

static void give_large(void)
{
	for (unsigned i = 0; i < 4; i++) {
		give(large_object[i]);
		assert_int_equal(tcache.heap->stats.n[STAT_remote_post],
				 (i + 1) / (BATCH_BYTES / 2048));
	}
}

static void batches_are_bounded_in_bytes_too(void)
{
	owner = start_slabs();
	for (int i = 0; i < 4; i++)
		large_object[i] = take(2048);
	in_thread(give_large);
	drain_inbox();
	/* what its list does not hold is free again */
	assert_int_equal(owner->stats.n[STAT_remote_drain], 2);
}

#define NR_SLABS 100

static char *spread[NR_SLABS][NR_OBJECTS];

static void give_spread(void)
{
	for (int k = 0; k < NR_OBJECTS; k++)
		for (int i = 0; i < NR_SLABS; i++)
			give(spread[i][k]);
}

static void batches_for_many_slabs_lose_nothing(void)
{
	owner = start_slabs();
	for (int i = 0; i < NR_SLABS; i++)
		for (int k = 0; k < NR_OBJECTS; k++)
			spread[i][k] = take(64);
	in_thread(give_spread);
	drain_inbox();
	assert_int_equal(counted(STAT_remote_free), NR_SLABS * NR_OBJECTS);
	heap_trim(owner);
	assert_int_equal(live_slabs(), 0);
	assert_int_equal(used_pages(highmem()), 0);
	validate_zone(highmem());
}

/* ---- threads without a heap ---- */

static void *give_without_heap(void *arg)
{
	assert_int_equal(tcache.id, OWNER_NOBODY);
	(void)arg;
	give_range(0, NR_OBJECTS);
	return NULL;
}

static void in_thread_without_heap(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, give_without_heap, NULL);
	pthread_join(thread, NULL);
}

static void thread_without_heap_frees_to_a_live_owner(void)
{
	unsigned nr_heaps;

	start_slabs();
	take_all();
	nr_heaps = heap_count();
	in_thread_without_heap();
	assert_int_equal(heap_count(), nr_heaps);
	assert_int_equal(inuse(slab), NR_OBJECTS);
	drain_inbox();
	assert_null(slab_of(&windows[0], object[0]));
}

static void take_all_but_one(void)
{
	take_all();
	give(object[NR_OBJECTS]);
}

static void thread_without_heap_frees_to_an_idle_owner(void)
{
	start_slabs();
	in_thread(take_all_but_one);
	assert_true(owner->idle);
	/* full, so its owner kept it */
	assert_int_equal(slot_of(slab)->owner, owner->id);
	assert_int_equal(slab->state, SLAB_FULL);
	in_thread_without_heap();
	/* drained by the one who posted, as nobody else would */
	assert_null(owner->inbox);
	assert_int_equal(live_slabs(), 0);
	validate_heap(owner);
}

static void take_some(void)
{
	owner = tcache.heap;
	for (int i = 0; i < 100; i++) {
		object[i] = take(64);
		fill(object[i], 64, 0);
	}
	slab = slab_at(object[0]);
}

static void thread_without_heap_frees_to_an_orphan(void)
{
	start_slabs();
	leave();
	in_thread(take_some);
	assert_int_equal(slot_of(slab)->owner, OWNER_ORPHAN);
	assert_int_equal(inuse(slab), 100);
	for (int i = 0; i < 99; i++) {
		give(object[i]);
		assert_int_equal(inuse(slab), 99 - i);
		validate_slab(slab);
	}
	/* the last one out */
	give(object[99]);
	assert_int_equal(live_slabs(), 0);
	assert_int_equal(counted(STAT_slab_alloc), counted(STAT_slab_free));
	assert_int_equal(used_pages(highmem()), 0);
	validate_zone(highmem());
}

/* ---- adoption ---- */

static void first_free_adopts_an_orphan(void)
{
	struct heap *h = start_slabs();

	in_thread(take_some);
	assert_ptr_not_equal(owner, h);
	give(object[0]);
	assert_int_equal(slot_of(slab)->owner, h->id);
	assert_int_equal(slab->state, SLAB_PARTIAL);
	assert_ptr_equal(h->partial[size_class(64)], slab);
	assert_int_equal(inuse(slab), 99);
	assert_int_equal(h->stats.n[STAT_slab_adopt], 1);
	validate_heap(h);
	/* from now on they are local */
	for (int i = 1; i < 100; i++) {
		assert_true(is_filled(object[i], 64, 0));
		give(object[i]);
	}
	assert_int_equal(h->stats.n[STAT_remote_free], 0);
	assert_int_equal(live_slabs(), 0);
}

static void first_free_adopts_a_full_slab_of_an_idle_heap(void)
{
	struct heap *h = start_slabs();

	in_thread(take_all_but_one);
	assert_ptr_not_equal(owner, h);
	assert_int_equal(slot_of(slab)->owner, owner->id);
	give(object[0]);
	assert_int_equal(slot_of(slab)->owner, h->id);
	assert_int_equal(inuse(slab), NR_OBJECTS - 1);
	validate_slab(slab);
	for (int i = 1; i < NR_OBJECTS; i++)
		give(object[i]);
	assert_int_equal(live_slabs(), 0);
	validate_heap(h);
}

static void refill_adopts_an_orphan(void)
{
	uint64_t made;

	start_slabs();
	in_thread(take_some);
	made = counted(STAT_slab_alloc);
	for (int i = 0; i < NR_OBJECTS - 100; i++) {
		char *p = take(64);

		assert_ptr_equal(slab_at(p), slab);
		memset(p, 0, 64);
	}
	assert_int_equal(counted(STAT_slab_alloc), made);
	assert_int_equal(counted(STAT_slab_adopt), 1);
	for (int i = 0; i < 100; i++)
		assert_true(is_filled(object[i], 64, 0));
	validate_heap(tcache.heap);
}

static void give_first_twice(void)
{
	give(object[0]);
	give(object[0]);
}

static void double_free_in_a_thread(void)
{
	in_thread(give_first_twice);
}

static void remote_double_free_is_found(void)
{
	start_slabs();
	take_all();
	assert_aborts(double_free_in_a_thread, " (object of 64 bytes)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(remote_frees_come_home_in_batches),
		CHILD_TEST(owner_takes_what_came_when_its_list_is_empty),
		CHILD_TEST(thread_that_ends_sends_its_unfinished_batches),
		CHILD_TEST(thread_that_trims_sends_its_unfinished_batches),
		CHILD_TEST(batches_are_bounded_in_bytes_too),
		CHILD_TEST(batches_for_many_slabs_lose_nothing),
		CHILD_TEST(thread_without_heap_frees_to_a_live_owner),
		CHILD_TEST(thread_without_heap_frees_to_an_idle_owner),
		CHILD_TEST(thread_without_heap_frees_to_an_orphan),
		CHILD_TEST(first_free_adopts_an_orphan),
		CHILD_TEST(first_free_adopts_a_full_slab_of_an_idle_heap),
		CHILD_TEST(refill_adopts_an_orphan),
		CHILD_TEST(remote_double_free_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
