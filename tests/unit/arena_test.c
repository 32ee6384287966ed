// SPDX-License-Identifier: MIT
/*
 * unit/arena_test.c - windows under all kinds of limits, and memblock
 */
#include <pthread.h>
#include "unit.h"
#include "arena/arena.h"
#include "os/os.h"

/* ---- windows ---- */

/* Tables in their order, none in the other, all before the data. */
static void assert_layout(const struct window *w)
{
	size_t data = w->nr_pages << PAGE_SHIFT;
	size_t nr_slots = data >> SLAB_SHIFT;
	uintptr_t start = (uintptr_t)w->slots;

	assert_true(is_power_of_2(w->nr_pages));
	assert_int_equal(w->base % min_size(PAGE_SIZE << MAX_PAGE_ORDER, data),
			 0);
	assert_true((uintptr_t)w->slabs >= start + nr_slots * SLOT_BYTES);
	assert_true((uintptr_t)w->pages >=
		    (uintptr_t)w->slabs + nr_slots * SLAB_BYTES);
	assert_true((uintptr_t)w->ptes >=
		    (uintptr_t)w->pages + w->nr_pages * PAGE_BYTES);
	assert_true(w->base >= (uintptr_t)w->ptes + w->nr_pages * PTE_BYTES);
	assert_true(w->base + data <= start + w->reserved);
	assert_int_equal((uintptr_t)w->slabs % 64, 0);
	assert_false(is_readable(w->slots));
	assert_false(is_readable(w->slabs));
	assert_false(is_readable(w->pages));
	assert_false(is_readable(w->ptes));
	assert_false(is_readable((void *)w->base));
}

static void window_without_limit_is_as_large_as_can_be(void)
{
	void *p = os_reserve(GIB(1100));
	struct window *w;

	if (p)
		os_unmap(p, GIB(1100));
	w = arena_add_window(PAGE_SIZE, 1);
	if (os_limit(OS_ADDRESS_SPACE) != SIZE_MAX)
		child_skip("address space is limited here");
	assert_non_null(w);
	assert_layout(w);
	if (p)
		assert_int_equal(w->nr_pages, GIB(1024) >> PAGE_SHIFT);
	assert_int_equal(os_resident(w->slots, MIB(1)), 0);
	/* no slab anywhere */
	assert_int_equal(arena_commit_tables(w, 0, 1024), 0);
	for (size_t i = 0; i < w->nr_pages >> 4; i += 4096)
		assert_false(((uint64_t *)w->slots)[i]);
}

/* The window leaves at least half of the limit to the program. */
static void window_fits_into(size_t limit)
{
	struct window *w;

	limit_address_space(limit);
	w = arena_add_window(MIB(1), 1);
	assert_non_null(w);
	assert_layout(w);
	assert_true(w->nr_pages << PAGE_SHIFT >= limit / 8);
	assert_true(w->reserved <= limit / 2);
	assert_non_null(os_reserve(limit / 4));
	assert_int_equal(arena_commit_tables(w, 0, w->nr_pages), 0);
}

static void window_fits_into_64_mib(void)
{
	window_fits_into(MIB(64));
}

static void window_fits_into_512_mib(void)
{
	window_fits_into(MIB(512));
}

/* Bytes of address space this process has. */
static size_t address_space(void)
{
	char buf[64];

	assert_true(os_read_file("/proc/self/statm", buf, sizeof(buf)) > 0);
	return strtoul(buf, NULL, 10) * os_page_size();
}

static void window_takes_what_a_low_limit_leaves(void)
{
	struct window *w;

	limit_address_space(address_space() + MIB(6));
	w = arena_add_window(PAGE_SIZE, 1);
	assert_non_null(w);
	assert_layout(w);
	assert_true(w->nr_pages << PAGE_SHIFT >= MIB(1));
}

static void no_window_is_null_and_no_harm(void)
{
	limit_address_space(address_space() + KIB(512));
	errno = 4321;
	assert_null(arena_add_window(PAGE_SIZE, 1));
	limit_address_space(MIB(512));
	assert_null(arena_add_window(GIB(1), 1));
	assert_null(arena_add_window(GIB(2048), 1));
	assert_null(arena_add_window(SIZE_MAX / 2, 1));
	assert_int_equal(errno, 4321);
	assert_int_equal(nr_windows, 0);
	assert_non_null(arena_add_window(PAGE_SIZE, 1));
}

static void window_counts_only_when_it_is_published(void)
{
	struct window *w = arena_add_window(PAGE_SIZE, 1);

	assert_ptr_equal(w, &windows[0]);
	assert_int_equal(nr_windows, 0);
	assert_int_equal(w->size, 0);
	arena_publish(w);
	assert_int_equal(nr_windows, 1);
	assert_int_equal(w->size, w->nr_pages << PAGE_SHIFT);
}

static void windows_come_until_there_are_enough(void)
{
	limit_address_space(MIB(512));
	for (unsigned i = 0; i < MAX_WINDOWS; i++) {
		struct window *w = arena_add_window(PAGE_SIZE, 1);

		assert_ptr_equal(w, &windows[i]);
		assert_int_equal(w->id, i);
		assert_layout(w);
		arena_publish(w);
		/* so that there is room for all of them */
		limit_address_space(MIB(512) + (i + 1) * MIB(256));
	}
	assert_null(arena_add_window(PAGE_SIZE, 1));
	assert_int_equal(nr_windows, MAX_WINDOWS);
}

static void slices_divide_a_window(void)
{
	struct window *w;

	limit_address_space(MIB(512));
	w = arena_add_window(PAGE_SIZE, 4);
	assert_int_equal(4UL << w->slice_shift, w->nr_pages);
}

static void committed_tables_are_zero_and_writable(void)
{
	const size_t first = 12345, nr = 3000, slab = SLAB_SIZE >> PAGE_SHIFT;
	struct window *w = arena_add_window(MIB(64), 1);
	size_t slot = first / slab, nr_slots = (first + nr) / slab - slot + 1;

	assert_non_null(w);
	assert_int_equal(arena_commit_tables(w, first, nr), 0);
	for (int round = 0; round < 2; round++) {
		char *slots = (char *)w->slots + slot * SLOT_BYTES;
		char *slabs = (char *)w->slabs + slot * SLAB_BYTES;
		char *pages = (char *)w->pages + first * PAGE_BYTES;
		char *ptes = (char *)w->ptes + first * PTE_BYTES;

		if (!round) {
			assert_true(is_zero(slots, nr_slots * SLOT_BYTES));
			assert_true(is_zero(slabs, nr_slots * SLAB_BYTES));
			assert_true(is_zero(pages, nr * PAGE_BYTES));
			assert_true(is_zero(ptes, nr * PTE_BYTES));
			fill(slots, nr_slots * SLOT_BYTES, 1);
			fill(slabs, nr_slots * SLAB_BYTES, 2);
			fill(pages, nr * PAGE_BYTES, 3);
			fill(ptes, nr * PTE_BYTES, 4);
			/* twice, and together with what is beside it */
			assert_int_equal(arena_commit_tables(w, 0, 20000), 0);
		}
		assert_true(is_filled(slots, nr_slots * SLOT_BYTES, 1));
		assert_true(is_filled(slabs, nr_slots * SLAB_BYTES, 2));
		assert_true(is_filled(pages, nr * PAGE_BYTES, 3));
		assert_true(is_filled(ptes, nr * PTE_BYTES, 4));
	}
	assert_false(is_readable((char *)w->base + first * PAGE_SIZE));
	assert_true(is_zero(&w->ptes[first + nr], 1000 * PTE_BYTES));
}

/* ---- memblock ---- */

static void memory_for_tables_is_zero_aligned_and_apart(void)
{
	static const size_t sizes[] = { 1, 8, 24, 64, 100, 4096, 4104, 65536 };
	struct {
		char *p;
		size_t size;
	} got[400];
	size_t bytes = memblock_bytes();

	seed_rnd(__func__);
	for (size_t i = 0; i < ARRAY_SIZE(got); i++) {
		size_t align = 1UL << rnd() % 13;

		got[i].size = sizes[rnd() % ARRAY_SIZE(sizes)];
		got[i].p = memblock_alloc(got[i].size, align);
		bytes += got[i].size;
		assert_non_null(got[i].p);
		assert_int_equal((uintptr_t)got[i].p % align, 0);
		for (size_t k = 0; k < got[i].size; k++)
			assert_int_equal(got[i].p[k], 0);
		memset(got[i].p, (int)i, got[i].size);
	}
	assert_int_equal(memblock_bytes(), bytes);
	for (size_t i = 0; i < ARRAY_SIZE(got); i++)
		for (size_t k = 0; k < got[i].size; k++)
			assert_int_equal((unsigned char)got[i].p[k],
					 (unsigned char)i);
}

static void memblock_fails_and_recovers_with_the_kernel(void)
{
	size_t bytes;

	limit_address_space(address_space() + MIB(1));
	while (memblock_alloc(KIB(64), 64))
		;
	bytes = memblock_bytes();
	assert_null(memblock_alloc(KIB(64), 64));
	assert_int_equal(memblock_bytes(), bytes);
	limit_address_space(MIB(512));
	assert_non_null(memblock_alloc(KIB(64), 64));
	assert_int_equal(memblock_bytes(), bytes + KIB(64));
}

#define NR_THREADS 4
#define NR_BLOCKS  2000

static void *take_blocks(void *arg)
{
	char **block = arg;

	for (int i = 0; i < NR_BLOCKS; i++) {
		block[i] = memblock_alloc(64, 64);
		if (!block[i] || !is_zero(block[i], 64))
			return arg;
		fill(block[i], 64, (uintptr_t)arg);
	}
	return NULL;
}

static void threads_get_different_blocks(void)
{
	static char *block[NR_THREADS][NR_BLOCKS];
	pthread_t thread[NR_THREADS];
	void *failed;

	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&thread[i], NULL, take_blocks, block[i]);
	for (int i = 0; i < NR_THREADS; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	for (int i = 0; i < NR_THREADS; i++)
		for (int k = 0; k < NR_BLOCKS; k++)
			assert_true(is_filled(block[i][k], 64,
					      (uintptr_t)block[i]));
	assert_int_equal(memblock_bytes(), NR_THREADS * NR_BLOCKS * 64);
}

static void child_of_a_fork_can_use_memblock(void)
{
	pid_t pid;

	arena_fork(FORK_PREPARE);
	pid = start_child();
	if (!pid) {
		lock_forget_held();
		arena_fork(FORK_CHILD);
		assert_non_null(memblock_alloc(64, 64));
		end_child();
	}
	arena_fork(FORK_PARENT);
	assert_non_null(memblock_alloc(64, 64));
	assert_int_equal(child_status(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(window_without_limit_is_as_large_as_can_be),
		CHILD_TEST(window_fits_into_64_mib),
		CHILD_TEST(window_fits_into_512_mib),
		CHILD_TEST(window_takes_what_a_low_limit_leaves),
		CHILD_TEST(no_window_is_null_and_no_harm),
		CHILD_TEST(window_counts_only_when_it_is_published),
		CHILD_TEST(windows_come_until_there_are_enough),
		CHILD_TEST(slices_divide_a_window),
		CHILD_TEST(committed_tables_are_zero_and_writable),
		CHILD_TEST(memory_for_tables_is_zero_aligned_and_apart),
		CHILD_TEST(memblock_fails_and_recovers_with_the_kernel),
		CHILD_TEST(threads_get_different_blocks),
		CHILD_TEST(child_of_a_fork_can_use_memblock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
