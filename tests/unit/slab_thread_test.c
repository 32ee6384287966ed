// SPDX-License-Identifier: MIT
/*
 * unit/slab_thread_test.c - heaps of threads that come, exchange and go
 */
#include "slab_test.h"

/* ---- the pool of heaps ---- */

static void do_nothing(void)
{
}

static void threads_one_after_the_other_share_a_heap(void)
{
	struct heap *h = start_slabs();

	for (int i = 0; i < 500; i++)
		in_thread(do_nothing);
	assert_int_equal(heap_count(), 2);
	assert_int_equal(counted(STAT_thread_start), 501);
	assert_int_equal(counted(STAT_thread_exit), 500);
	assert_ptr_equal(heap_by_id(h->id), h);
}

static void *one_of_many(void *arg)
{
	struct heap *h = enter();

	assert_ptr_equal(heap_by_id(h->id), h);
	fill(take(64), 64, 0);
	pthread_barrier_wait(arg);
	assert_false(h->idle);
	leave();
	return NULL;
}

#define NR_THREADS 300 /* more than a row of the table of heaps has */

static void threads_at_the_same_time_have_their_own(void)
{
	pthread_t thread[NR_THREADS];
	pthread_barrier_t all;
	unsigned n = 0;

	start_slabs();
	pthread_barrier_init(&all, NULL, NR_THREADS);
	for (int i = 0; i < NR_THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, one_of_many, &all), 0);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(heap_count(), NR_THREADS + 1);
	for (struct heap *h = heap_first(); h; h = h->next_all, n++)
		validate_heap(h);
	assert_int_equal(n, NR_THREADS + 1);
}

/* ---- handing over ---- */

#define NR_LEFT 80

static char *left[NR_LEFT];

static void take_and_end(void)
{
	for (int i = 0; i < NR_LEFT; i++) {
		left[i] = take(1 + (size_t)i * 100);
		fill(left[i], 1 + (size_t)i * 100, 0);
	}
	give(take(8000));
}

static void give_left(void)
{
	for (int i = 0; i < NR_LEFT; i++) {
		assert_true(is_filled(left[i], 1 + (size_t)i * 100, 0));
		give(left[i]);
	}
}

static void thread_that_ends_keeps_nothing_but_full_slabs(void)
{
	struct heap *h;

	start_slabs();
	in_thread(take_and_end);
	h = heap_first();
	assert_true(h->idle);
	assert_int_equal(h->pcp.nr_pages, 0);
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		assert_null(h->active[c]);
		assert_null(h->partial[c]);
	}
	for (unsigned list = 1; list < NR_LISTS; list++)
		assert_int_equal(list_length(h, list), 0);
	for (int i = 0; i < NR_LEFT; i++) {
		struct slab *s = slab_at(left[i]);

		assert_true(is_filled(left[i], 1 + (size_t)i * 100, 0));
		assert_int_equal(slot_of(s)->owner, OWNER_ORPHAN);
		validate_slab(s);
	}
	validate_zone(highmem());
}

static unsigned adopted;

static void take_from_before(void)
{
	for (int i = 0; i < NR_LEFT; i++) {
		struct slab *s = slab_at(left[i]);
		char *p = take(1 + (size_t)i * 100);

		adopted += slab_at(p) == s;
		memset(p, 0, 1 + (size_t)i * 100);
		give(p);
	}
}

static void next_thread_gets_what_the_last_one_left(void)
{
	uint64_t made;

	start_slabs();
	in_thread(take_and_end);
	made = counted(STAT_slab_alloc);
	in_thread(take_from_before);
	assert_int_equal(adopted, NR_LEFT);
	assert_int_equal(counted(STAT_slab_alloc), made);
	give_left();
	heap_trim(tcache.heap);
	assert_int_equal(live_slabs(), 0);
	assert_int_equal(used_pages(highmem()), 0);
	validate_zone(highmem());
}

/* ---- nodes ---- */

static void *node_main(void *arg)
{
	struct heap *h = enter();
	char *p = take(64);

	(void)arg;
	assert_int_equal(h->nid, h->id % 4);
	assert_int_equal(page_zone(slab_at(p)->pfn)->nid, h->nid);
	leave();
	return NULL;
}

static void slabs_stay_on_the_node_of_their_thread(void)
{
	struct heap *h;
	pthread_t thread, many[8];
	pthread_barrier_t all;

	start_zones(4);
	assert_int_equal(heap_init(), 0);
	h = enter();
	pthread_create(&thread, NULL, node_main, NULL);
	pthread_join(thread, NULL);
	assert_int_equal(heap_count(), 2);
	/* its partial slab is on another node: not for us */
	for (int i = 0; i < 3000; i++)
		assert_int_equal(page_zone(slab_at(take(64))->pfn)->nid,
				 h->nid);
	assert_int_equal(counted(STAT_slab_adopt), 0);
	pthread_barrier_init(&all, NULL, 8);
	for (int i = 0; i < 8; i++)
		pthread_create(&many[i], NULL, one_of_many, &all);
	for (int i = 0; i < 8; i++)
		pthread_join(many[i], NULL);
	for (unsigned i = 0; i < 4; i++)
		assert_true(used_pages(&nodes[i].zone[MM_ZONE_HIGHMEM]));
}

/* ---- exchange ---- */

#define NR_SHARED  2000
#define NR_WORKERS 4
#define NR_ROUNDS  60000

static char *shared[NR_SHARED];

/* An object says in its first word how long it is. */
static char *make_object(void)
{
	size_t n = 16 + rnd() % (rnd() % 8 ? 300 : SMALL_MAX - 16);
	char *p = take(n);

	*(size_t *)p = n;
	fill(p + 8, n - 8, 0);
	return p;
}

static void end_object(char *p)
{
	size_t n = *(size_t *)p;

	assert_true(is_filled(p + 8, n - 8, 0));
	memset(p, 0, n);
	give(p);
}

static void *exchange(void *seed)
{
	rnd_state = (uintptr_t)seed;
	enter();
	for (int i = 0; i < NR_ROUNDS; i++) {
		char *p = rnd() % 2 ? make_object() : NULL;

		p = __atomic_exchange_n(&shared[rnd() % NR_SHARED], p,
					__ATOMIC_ACQ_REL);
		if (p)
			end_object(p);
	}
	leave();
	return NULL;
}

static void everything_that_threads_exchange_comes_back(void)
{
	pthread_t thread[NR_WORKERS];

	start_slabs();
	seed_rnd(__func__);
	for (int generation = 0; generation < 4; generation++) {
		for (int i = 0; i < NR_WORKERS; i++)
			pthread_create(&thread[i], NULL, exchange,
				       (void *)(rnd() | 1));
		for (int i = 0; i < NR_WORKERS; i++)
			pthread_join(thread[i], NULL);
		for (struct heap *h = heap_first(); h; h = h->next_all)
			validate_heap(h);
		validate_zone(highmem());
		assert_int_equal(counted(STAT_slab_alloc) -
					 counted(STAT_slab_free),
				 live_slabs());
	}
	for (int i = 0; i < NR_SHARED; i++)
		if (shared[i])
			end_object(shared[i]);
	leave();
	assert_true(counted(STAT_remote_post) > 100);
	assert_int_equal(live_slabs(), 0);
	assert_int_equal(used_pages(highmem()), 0);
	validate_zone(highmem());
}

/* ---- fork ---- */

static pthread_barrier_t parked;
static struct heap *other;

static void *take_and_wait(void *arg)
{
	(void)arg;
	other = enter();
	take_and_end();
	pthread_barrier_wait(&parked);
	pthread_barrier_wait(&parked);
	give_left();
	leave();
	return NULL;
}

static void use_as_in_the_child(void)
{
	assert_true(other->idle);
	validate_heap(tcache.heap);
	validate_heap(other);
	for (int i = 0; i < NR_LEFT; i++) {
		size_t n = 1 + (size_t)i * 100;

		assert_true(is_filled(left[i], n, 0));
		memset(take(n), 0, n);
	}
	give_left();
	for (int i = 0; i < 20000; i++)
		memset(take(64), 0, 64);
}

static void lock_for_fork(void)
{
	slab_fork(FORK_PREPARE);
	zone_fork(FORK_PREPARE);
	pgtable_fork(&mm_pgtable, FORK_PREPARE);
	arena_fork(FORK_PREPARE);
}

static void unlock_in_child(void)
{
	lock_forget_held();
	arena_fork(FORK_CHILD);
	pgtable_fork(&mm_pgtable, FORK_CHILD);
	zone_fork(FORK_CHILD);
	slab_fork(FORK_CHILD);
}

static void unlock_in_parent(void)
{
	arena_fork(FORK_PARENT);
	pgtable_fork(&mm_pgtable, FORK_PARENT);
	zone_fork(FORK_PARENT);
	slab_fork(FORK_PARENT);
}

/* A thread has taken one out of the pool, new or not, and no more yet. */
static void child_of_a_fork_pools_heaps_on_their_way(void)
{
	struct heap *ours = start_slabs(), *other;

	in_thread(take_and_end);
	other = heap_first();
	assert_ptr_not_equal(other, ours);
	other->idle = false;
	lock_for_fork();
	unlock_in_child();
	assert_true(other->idle);
	assert_false(ours->idle);
	assert_ptr_equal(heap_get(), other);
	assert_ptr_not_equal(heap_get(), other);
}

static void child_of_a_fork_has_all_heaps_to_itself(void)
{
	pthread_t thread;
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	child_skip("ThreadSanitizer knows no child of a threaded process");
#endif
	start_slabs();
	take(64);
	pthread_barrier_init(&parked, NULL, 2);
	pthread_create(&thread, NULL, take_and_wait, NULL);
	pthread_barrier_wait(&parked);
	lock_for_fork();
	pid = start_child();
	if (!pid) {
		unlock_in_child();
		use_as_in_the_child();
		/* a new thread gets the heap of the one that is gone */
		in_thread(take_and_end);
		assert_int_equal(heap_count(), 2);
		validate_heap(other);
		validate_heap(tcache.heap);
		validate_zone(highmem());
		end_child();
	}
	unlock_in_parent();
	assert_int_equal(child_status(pid), 0);
	assert_false(other->idle);
	/* the thread finds its objects as they were */
	pthread_barrier_wait(&parked);
	pthread_join(thread, NULL);
	validate_zone(highmem());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(threads_one_after_the_other_share_a_heap),
		CHILD_TEST(threads_at_the_same_time_have_their_own),
		CHILD_TEST(thread_that_ends_keeps_nothing_but_full_slabs),
		CHILD_TEST(next_thread_gets_what_the_last_one_left),
		CHILD_TEST(slabs_stay_on_the_node_of_their_thread),
		CHILD_TEST(everything_that_threads_exchange_comes_back),
		CHILD_TEST(child_of_a_fork_pools_heaps_on_their_way),
		CHILD_TEST(child_of_a_fork_has_all_heaps_to_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
