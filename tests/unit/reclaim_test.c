// SPDX-License-Identifier: MIT
/*
 * unit/reclaim_test.c - free memory that goes back to the system
 */
#include <unistd.h>
#include "deny.h"
#include "slab_test.h"
#include "large/large.h"
#include "os/os.h"
#include "reclaim/reclaim.h"

static struct heap *heap;

static void start_reclaim(void)
{
	heap = start_slabs();
}

/* What the door does after each call. */
static void pass_door(void)
{
	if (READ_ONCE(reclaim_wanted))
		reclaim_balance();
}

static char *take_dirty(size_t size, uint64_t salt)
{
	char *p;

	lock_acquire(&tcache.heap->lock);
	p = large_alloc(tcache.heap, size, 1, GFP_DEFAULT);
	lock_release(&tcache.heap->lock);
	assert_non_null(p);
	fill(p, size, salt);
	return p;
}

static void give_run(char *p)
{
	lock_acquire(&tcache.heap->lock);
	run_free(tcache.heap, &windows[0], p);
	lock_release(&tcache.heap->lock);
	pass_door();
}

/* Memory behind everything a zone has grown to. */
static size_t resident(const struct zone *z)
{
	const struct span *s = &z->span[0];

	return os_resident(pfn_to_addr(s->start), (size_t)(s->grown - s->start)
							  << PAGE_SHIFT);
}

/* Dirty pages in blocks that are worth a system call. */
static size_t dirty_in_blocks(const struct zone *z, unsigned min_order)
{
	size_t n = 0;

	for (unsigned o = min_order; o < NR_ORDERS; o++)
		for (pfn_t pfn = z->area[o].head[FREE_DIRTY]; pfn;
		     pfn = pfn_to_page(pfn)->next)
			n += page_dirty(pfn, 1UL << o);
	return n;
}

/* ---- the bound ---- */

#define NR_BLOCKS 200

static void dirty_bound_holds_after_every_free(void)
{
	static struct {
		char *p;
		size_t size;
	} block[NR_BLOCKS];
	struct zone *z;

	start_reclaim();
	seed_rnd(__func__);
	mm_options.dirty = MIB(1);
	z = highmem();
	for (int i = 0; i < 6000; i++) {
		size_t k = rnd() % NR_BLOCKS;

		if (!block[k].p) {
			block[k].size = PAGE_SIZE * (3 + rnd() % 100);
			block[k].p = take_dirty(block[k].size, k);
			continue;
		}
		assert_true(is_filled(block[k].p, block[k].size, k));
		give_run(block[k].p);
		block[k].p = NULL;
		/* crumbs below 64 KiB may stay */
		if (z->nr_dirty > dirty_bound(z))
			assert_int_equal(dirty_in_blocks(z, 4), 0);
		if (i % 100 == 0)
			validate_zone(z);
	}
	assert_true(counted(STAT_pgpurge) > 0);
	validate_zone(z);
}

static void bound_grows_with_what_is_live(void)
{
	struct zone *z;
	size_t bound;

	start_reclaim();
	z = highmem();
	bound = dirty_bound(z);
	assert_int_equal(bound, mm_options.dirty >> PAGE_SHIFT);
	take_dirty(MIB(20), 0);
	assert_int_equal(dirty_bound(z),
			 bound + 5120 * mm_options.dirty_ratio / 100);
}

static void freed_in_quantity_memory_goes_back_at_once(void)
{
	static char *p[100];
	size_t before;

	start_reclaim();
	for (int i = 0; i < 100; i++)
		p[i] = take_dirty(MIB(1), 0);
	before = resident(highmem());
	assert_true(before >= MIB(100));
	/* oldest first */
	for (int i = 0; i < 95; i++)
		give_run(p[i]);
	assert_true(resident(highmem()) < MIB(5) + MIB(5) + MIB(4));
	for (int i = 95; i < 100; i++)
		assert_true(is_filled(p[i], MIB(1), 0));
	validate_zone(highmem());
}

static void nothing_is_purged_below_the_bound(void)
{
	char *p;

	start_reclaim();
	p = take_dirty(KIB(768), 0);
	give_run(p);
	assert_false(reclaim_wanted);
	assert_int_equal(highmem()->nr_dirty, KIB(768) >> PAGE_SHIFT);
	reclaim_balance();
	assert_int_equal(counted(STAT_pgpurge), 0);
	assert_true(is_filled(p, KIB(768), 0));
}

/* ---- trimming ---- */

static void trim_gives_everything_back(void)
{
	static char *object[3000];
	char *p = NULL, *live;
	size_t done;

	start_reclaim();
	mm_options.dirty = GIB(1);
	for (int i = 0; i < 3000; i++)
		object[i] = take(500);
	live = take_dirty(MIB(2), 0);
	for (int i = 0; i < 50; i++) {
		p = take_dirty(PAGE_SIZE * (size_t)(1 + i * 7), 0);
		give_run(p);
	}
	for (int i = 0; i < 3000; i++)
		give(object[i]);
	assert_true(resident(highmem()) > MIB(3));
	done = resident(highmem());
	assert_int_equal(reclaim_trim(heap, 0), done - MIB(2));
	for_each_zone(z)
		assert_int_equal(z->nr_dirty, 0);
	/* the block that lives, and nothing else */
	assert_int_equal(heap->pcp.nr_pages, 0);
	assert_int_equal(live_slabs(), 0);
	assert_int_equal(used_pages(highmem()), MIB(2) >> PAGE_SHIFT);
	assert_int_equal(resident(highmem()), MIB(2));
	assert_int_equal(highmem()->nr_present, MIB(2) >> PAGE_SHIFT);
	assert_true(is_filled(live, MIB(2), 0));
	assert_true(is_zero(p, PAGE_SIZE));
	validate_zone(highmem());
	assert_int_equal(reclaim_trim(heap, 0), 0);
	assert_int_equal(reclaim_trim(NULL, 0), 0);
}

static void trim_keeps_what_it_is_told_to(void)
{
	char *p[8];

	start_reclaim();
	mm_options.dirty = GIB(1);
	for (int i = 0; i < 8; i++)
		p[i] = take_dirty(MIB(4), 0);
	for (int i = 0; i < 8; i += 2)
		give_run(p[i]);
	assert_int_equal(reclaim_trim(heap, MIB(16)), 0);
	assert_int_equal(reclaim_trim(heap, MIB(8)), MIB(8));
	assert_int_equal(highmem()->nr_dirty, MIB(8) >> PAGE_SHIFT);
	assert_int_equal(reclaim_trim(heap, 0), MIB(8));
	for (int i = 1; i < 8; i += 2)
		assert_true(is_filled(p[i], MIB(4), 0));
	validate_zone(highmem());
}

/* ---- a kernel that refuses ---- */

static void refused_purge_keeps_the_books_right(void)
{
	char *p, *live;

	start_reclaim();
	mm_options.dirty = 0;
	mm_options.dirty_ratio = 0;
	p = take_dirty(MIB(8), 0);
	live = take_dirty(MIB(1), 0);
	deny(SYS_madvise, ANY_SIZE);
	give_run(p);
	/* they stay dirty, and whoever wants zeros gets them */
	assert_int_equal(highmem()->nr_dirty, MIB(8) >> PAGE_SHIFT);
	validate_zone(highmem());
	assert_int_equal(reclaim_trim(heap, 0), 0);
	validate_zone(highmem());
	assert_int_equal(counted(STAT_pgpurge), 0);
	assert_true(is_filled(p, MIB(8), 0));
	assert_ptr_equal(large_alloc(heap, MIB(8), 1, GFP_ZERO), p);
	assert_true(is_zero(p, MIB(8)));
	assert_true(is_filled(live, MIB(1), 0));
	assert_int_equal(highmem()->nr_dirty, 0);
	validate_zone(highmem());
}

/* Locked memory may be unlocked: what failed once is tried again. */
static void refusal_is_not_for_ever(void)
{
	char *whole, *part;

	start_reclaim();
	mm_options.dirty = GIB(1);
	whole = take_dirty(MIB(4), 0);
	part = take_dirty(MIB(1), 0);
	deny(SYS_madvise, MIB(4));
	give_run(whole);
	assert_int_equal(reclaim_trim(heap, 0), 0);
	assert_ptr_equal(large_alloc(heap, MIB(4), 1, GFP_DEFAULT), whole);
	give_run(part);
	assert_int_equal(reclaim_trim(heap, 0), 0);
	usleep(1200 * 1000);
	assert_int_equal(reclaim_trim(heap, 0), MIB(1));
	assert_int_equal(highmem()->nr_dirty, 0);
	validate_zone(highmem());
}

/* ---- threads ---- */

#define NR_THREADS 3

static bool stop;

static void *purge_all_the_time(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		reclaim_trim(NULL, 0);
	return arg;
}

static void check_zeroed(size_t size)
{
	char *p;

	lock_acquire(&tcache.heap->lock);
	p = large_alloc(tcache.heap, size, 1, GFP_ZERO);
	lock_release(&tcache.heap->lock);
	assert_non_null(p);
	assert_true(is_zero(p, size));
	give_run(p);
}

static void *use_runs(void *seed)
{
	struct {
		char *p;
		size_t size;
	} run[20];

	rnd_state = (uintptr_t)seed;
	enter();
	for (int round = 0; round < 60; round++) {
		for (unsigned i = 0; i < 20; i++) {
			run[i].size = PAGE_SIZE * (1 + rnd() % 120);
			run[i].p = take_dirty(run[i].size, i);
			check_zeroed(PAGE_SIZE * (1 + rnd() % 60));
		}
		for (unsigned i = 0; i < 20; i++) {
			assert_true(is_filled(run[i].p, run[i].size, i));
			give_run(run[i].p);
		}
	}
	leave();
	return NULL;
}

static void purging_never_touches_what_lives(void)
{
	pthread_t thread[NR_THREADS], purger;

	start_reclaim();
	seed_rnd(__func__);
	mm_options.dirty = KIB(256);
	pthread_create(&purger, NULL, purge_all_the_time, NULL);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&thread[i], NULL, use_runs, (void *)(rnd() | 1));
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(purger, NULL);
	reclaim_trim(heap, 0);
	assert_int_equal(used_pages(highmem()), 0);
	assert_int_equal(highmem()->nr_present, 0);
	assert_int_equal(resident(highmem()), 0);
	validate_zone(highmem());
}

static void child_of_a_fork_can_reclaim(void)
{
	char *p;
	pid_t pid;

	start_reclaim();
	p = take_dirty(KIB(512), 0);
	reclaim_fork(FORK_PREPARE);
	pid = start_child();
	if (!pid) {
		lock_forget_held();
		reclaim_fork(FORK_CHILD);
		give_run(p);
		assert_int_equal(reclaim_trim(heap, 0), KIB(512));
		end_child();
	}
	reclaim_fork(FORK_PARENT);
	assert_int_equal(child_status(pid), 0);
	assert_true(is_filled(p, KIB(512), 0));
	give_run(p);
	assert_int_equal(reclaim_trim(heap, 0), KIB(512));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(dirty_bound_holds_after_every_free),
		CHILD_TEST(bound_grows_with_what_is_live),
		CHILD_TEST(freed_in_quantity_memory_goes_back_at_once),
		CHILD_TEST(nothing_is_purged_below_the_bound),
		CHILD_TEST(trim_gives_everything_back),
		CHILD_TEST(trim_keeps_what_it_is_told_to),
		CHILD_TEST(refused_purge_keeps_the_books_right),
		CHILD_TEST(refusal_is_not_for_ever),
		CHILD_TEST(purging_never_touches_what_lives),
		CHILD_TEST(child_of_a_fork_can_reclaim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
