// SPDX-License-Identifier: MIT
/*
 * unit/slab_test.c - size classes, and the slabs of one thread
 */
#include "slab_test.h"
#include "os/os.h"

/* ---- classes ---- */

static void classes_grow_in_multiples_of_sixteen(void **state)
{
	(void)state;
	assert_int_equal(class_bytes[0], 0);
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		assert_true(class_bytes[c] > class_bytes[c - 1]);
		assert_int_equal(class_bytes[c] % 16, 0);
		assert_int_equal(size_class(class_bytes[c]), c);
	}
	assert_int_equal(class_bytes[NR_CLASSES - 1], SMALL_MAX);
}

static void every_size_gets_the_smallest_class_that_holds_it(void **state)
{
	(void)state;
	for (size_t n = 1; n <= SMALL_MAX; n++) {
		unsigned c = size_class(n);

		assert_in_range(c, 1, NR_CLASSES - 1);
		assert_true(class_bytes[c] >= n);
		assert_true(class_bytes[c - 1] < n);
	}
}

static void waste_is_bounded(void **state)
{
	(void)state;
	for (size_t n = 1; n <= SMALL_MAX; n++) {
		size_t bytes = class_bytes[size_class(n)];

		if (n <= FINE_MAX)
			assert_true(bytes - n < 16);
		else if (n <= MEDIUM_MAX)
			assert_true((bytes - n) * 1000 <= bytes * 118);
		else /* no slab could hold more objects of that size */
			assert_int_equal(SLAB_SIZE / bytes,
					 SLAB_SIZE / align_up(n, 16));
	}
}

/* ---- objects ---- */

static void objects_are_apart_and_aligned(void)
{
	struct heap *h = start_slabs();

	for (unsigned c = 1; c < NR_CLASSES; c++) {
		size_t bytes = class_bytes[c];
		size_t nr = SLAB_SIZE / bytes + 3;
		char *object[SLAB_SIZE / 16 + 3];

		for (size_t i = 0; i < nr; i++) {
			object[i] = take(bytes);
			assert_int_equal((uintptr_t)object[i] % 16, 0);
			/* powers of two at multiples of themselves */
			if (is_power_of_2(bytes) && bytes <= PAGE_SIZE)
				assert_int_equal((uintptr_t)object[i] % bytes,
						 0);
			assert_int_equal(slab_bytes_fast(object[i]), bytes);
			assert_ptr_equal(
				slab_object(slot_of(slab_at(object[i])),
					    object[i] + bytes - 1),
				object[i]);
			fill(object[i], bytes, i);
		}
		validate_heap(h);
		for (size_t i = 0; i < nr; i++)
			assert_true(is_filled(object[i], bytes, i));
		for (size_t i = 0; i < nr; i++)
			give(object[i]);
		validate_heap(h);
	}
}

/* Objects get memory when they are handed out, not when their slab is made. */
static void slab_is_carved_a_page_at_a_time(void)
{
	start_slabs();
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		size_t bytes = class_bytes[c];
		struct slab *s = NULL;

		for (size_t n = 1; n <= SLAB_SIZE / bytes; n++) {
			char *p = take(bytes);
			size_t pages;

			memset(p, 1, bytes);
			s = s ? s : slab_at(p);
			pages = (s->carved * bytes +
				 ((uintptr_t)s->base & (PAGE_SIZE - 1)) +
				 PAGE_SIZE - 1) >>
				PAGE_SHIFT;
			assert_ptr_equal(slab_at(p), s);
			assert_true((s->carved - n) * bytes < PAGE_SIZE);
			assert_int_equal(page_dirty(s->pfn, 16), pages);
			if (n == 1 || n == s->capacity)
				assert_int_equal(
					os_resident(pfn_to_addr(s->pfn),
						    SLAB_SIZE),
					align_up(pages * PAGE_SIZE,
						 os_page_size()));
		}
		validate_slab(s);
	}
	validate_zone(highmem());
}

static void last_freed_is_taken_first_of_a_list(void)
{
	char *p, *q;

	start_slabs();
	p = take(100);
	q = take(100);
	give(p);
	give(q);
	/* when the list is used up, they come back in this order */
	for (char *r = take(100); r != q; r = take(100))
		assert_ptr_not_equal(r, p);
	assert_ptr_equal(take(100), p);
}

static void fast_path_serves_from_the_same_lists(void)
{
	struct heap *h = start_slabs();
	void *p;

	assert_null(slab_alloc_fast(0));
	assert_null(slab_alloc_fast(100));
	take(100);
	p = *slab_list(h, size_list(100));
	assert_non_null(p);
	assert_ptr_equal(slab_alloc_fast(100), p);
	assert_ptr_not_equal(*slab_list(h, size_list(100)), p);
	for (size_t n = STEP_MAX + 1; n <= SMALL_MAX; n += 100) {
		take(n);
		assert_null(slab_alloc_fast(n));
	}
}

/* ---- full, partial and empty slabs ---- */

/* What is left of the active slab, which is new if this is its first use. */
static struct slab *take_slab(size_t bytes, void **object)
{
	void *p = take(bytes);
	struct slab *s = slab_at(p);

	for (; slab_at(p) == s; p = take(bytes))
		*object++ = p;
	assert_int_equal(s->state, SLAB_FULL);
	return s;
}

static void full_slab_wakes_when_it_is_worth_while(void)
{
	static const size_t sizes[] = { 16, 64, 512, 3072, 4096, 8192 };

	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		size_t bytes = sizes[k], nr = SLAB_SIZE / bytes;
		size_t wake = max_size(1, min_size(32, nr / 4));
		void *object[SLAB_SIZE / 16];
		struct slab *s;
		struct heap *h;
		uint64_t made;

		h = k ? tcache.heap : start_slabs();
		s = take_slab(bytes, object);
		for (size_t i = 0; i < wake; i++) {
			assert_int_equal(s->state, SLAB_FULL);
			assert_null(h->partial[size_class(bytes)]);
			assert_int_equal(inuse(s), nr - i);
			validate_slab(s);
			give(object[i]);
		}
		assert_int_equal(s->state, SLAB_PARTIAL);
		assert_ptr_equal(h->partial[size_class(bytes)], s);
		assert_int_equal(inuse(s), nr - wake);
		assert_int_equal(h->stats.n[STAT_slab_wake], k + 1);
		validate_heap(h);
		/* and is used again before a new one is made */
		made = counted(STAT_slab_alloc);
		while (slab_at(take(bytes)) != s)
			;
		assert_int_equal(counted(STAT_slab_alloc), made);
		assert_int_equal(s->state, SLAB_ACTIVE);
		validate_heap(h);
	}
}

static void empty_slab_goes_back(void)
{
	struct heap *h = start_slabs();
	void *object[SLAB_SIZE / 64];
	struct slab *s = take_slab(64, object);
	pfn_t pfn = s->pfn;

	assert_int_equal(live_slabs(), 2);
	for (int i = 0; i < 1023; i++)
		give(object[i]);
	assert_int_equal(live_slabs(), 2);
	give(object[1023]);
	assert_int_equal(live_slabs(), 1);
	assert_int_equal(counted(STAT_slab_free), 1);
	assert_null(slab_of(&windows[0], object[0]));
	assert_int_equal(slab_bytes_fast(object[0]), 0);
	assert_int_equal(pfn_to_page(pfn)->type, PAGE_PCP);
	validate_heap(h);
	validate_zone(highmem());
}

static void active_slab_stays_until_it_is_trimmed(void)
{
	struct heap *h = start_slabs();
	void *small = take(64), *large = take(4096);

	give(small);
	give(large);
	assert_int_equal(live_slabs(), 2);
	heap_trim(h);
	assert_int_equal(live_slabs(), 0);
	assert_int_equal(used_pages(highmem()), 0);
	validate_heap(h);
	validate_zone(highmem());
	fill(take(64), 64, 0);
}

static void fullest_of_the_partial_slabs_is_used_next(void)
{
	struct heap *h = start_slabs();
	static void *object[4][SLAB_SIZE / 64];
	struct slab *s[4];
	char *p;

	for (int i = 0; i < 3; i++)
		s[i] = take_slab(64, object[i]);
	for (int i = 0; i < 100; i++)
		give(object[1][i]);
	for (int i = 0; i < 500; i++)
		give(object[0][i]);
	for (int i = 0; i < 700; i++)
		give(object[2][i]);
	validate_heap(h);
	do
		p = take(64);
	while (slab_at(p) != s[0] && slab_at(p) != s[1] && slab_at(p) != s[2]);
	assert_ptr_equal(slab_at(p), s[1]);
}

/* ---- everything ---- */

#define NR_OBJECTS 5000

static void random_use_keeps_contents_and_invariants(void)
{
	static struct {
		char *p;
		size_t n;
	} object[NR_OBJECTS];
	struct heap *h = start_slabs();

	seed_rnd(__func__);
	for (int i = 0; i < 300000; i++) {
		size_t k = rnd() % NR_OBJECTS;

		if (object[k].p) {
			assert_true(is_filled(object[k].p, object[k].n, k));
			give(object[k].p);
			object[k].p = NULL;
		} else {
			object[k].n = 1 + rnd() % (rnd() % 4 ? 300 : SMALL_MAX);
			object[k].p = take(object[k].n);
			fill(object[k].p, object[k].n, k);
		}
		if (i % 20000 == 0) {
			validate_heap(h);
			validate_zone(highmem());
		}
	}
	assert_int_equal(counted(STAT_slab_alloc) - counted(STAT_slab_free),
			 live_slabs());
	for (size_t k = 0; k < NR_OBJECTS; k++)
		if (object[k].p)
			give(object[k].p);
	validate_heap(h);
	heap_trim(h);
	assert_int_equal(live_slabs(), 0);
	assert_int_equal(used_pages(highmem()), 0);
	validate_zone(highmem());
}

/* ---- misuse ---- */

static void free_inside_an_object(void)
{
	slab_free(tcache.heap, slab_at(take(100)), (char *)take(100) + 16);
}

static void free_more_than_there_is(void)
{
	void *p = take(8192);

	for (int i = 0; i < 100; i++)
		slab_free(tcache.heap, slab_at(p), p);
}

static void free_twice_and_refill(void)
{
	void *p = take(64);

	give(p);
	give(p);
	for (int i = 0; i < 2000; i++)
		take(64);
}

static void free_twice_and_checked(void)
{
	void *p, *q;

	slab_check = true;
	/* the fast path is off then, see start_thread() */
	tcache.id = OWNER_NOBODY;
	p = take(64);
	q = take(64);
	slab_free(tcache.heap, slab_at(p), p);
	slab_free(tcache.heap, slab_at(q), q);
	slab_free(tcache.heap, slab_at(p), p);
}

static void misuse_is_found_and_told(void)
{
	start_slabs();
	assert_aborts(free_inside_an_object,
		      ": 16 bytes inside an object of 112 bytes at ");
	assert_aborts(free_more_than_there_is, "mm: double free of ");
	assert_aborts(free_twice_and_refill, "mm: double free of ");
	assert_aborts(free_twice_and_checked, " (object of 64 bytes)\n");
}

static void check_mode_hands_out_one_at_a_time(void)
{
	struct heap *h = start_slabs();
	char *object[2000];

	slab_check = true;
	tcache.id = OWNER_NOBODY;
	for (int i = 0; i < 2000; i++) {
		object[i] = take(40);
		assert_null(*slab_list(h, size_list(40)));
		fill(object[i], 40, 0);
	}
	validate_heap(h);
	for (int i = 0; i < 2000; i++) {
		assert_true(is_filled(object[i], 40, 0));
		slab_free(h, slab_at(object[i]), object[i]);
	}
	validate_heap(h);
	heap_trim(h);
	assert_int_equal(live_slabs(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_grow_in_multiples_of_sixteen),
		cmocka_unit_test(
			every_size_gets_the_smallest_class_that_holds_it),
		cmocka_unit_test(waste_is_bounded),
		CHILD_TEST(objects_are_apart_and_aligned),
		CHILD_TEST(slab_is_carved_a_page_at_a_time),
		CHILD_TEST(last_freed_is_taken_first_of_a_list),
		CHILD_TEST(fast_path_serves_from_the_same_lists),
		CHILD_TEST(full_slab_wakes_when_it_is_worth_while),
		CHILD_TEST(empty_slab_goes_back),
		CHILD_TEST(active_slab_stays_until_it_is_trimmed),
		CHILD_TEST(fullest_of_the_partial_slabs_is_used_next),
		CHILD_TEST(random_use_keeps_contents_and_invariants),
		CHILD_TEST(misuse_is_found_and_told),
		CHILD_TEST(check_mode_hands_out_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
