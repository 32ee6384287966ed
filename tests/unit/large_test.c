// SPDX-License-Identifier: MIT
/*
 * unit/large_test.c - runs of pages, and blocks with mappings of their own
 */
#include "deny.h"
#include "slab_test.h"
#include "large/large.h"
#include "os/os.h"

static struct heap *heap;

static void start_large(void)
{
	heap = start_slabs();
}

static char *take_large(size_t size)
{
	char *p = large_alloc(heap, size, 1, GFP_DEFAULT);

	assert_non_null(p);
	return p;
}

static void free_large_run(char *p)
{
	run_free(heap, &windows[0], p);
}

static struct page *page_of(const void *p)
{
	return pfn_to_page(addr_to_pfn(&windows[0], p));
}

static struct vma *vma_of(const void *p)
{
	struct mapping *m = map_find(NULL, (uintptr_t)p);

	if (!m || m->kind != MAPPING_VMA)
		return NULL;
	return mapping_vma(m);
}

static bool in_window(const void *p)
{
	return (uintptr_t)p - windows[0].base < windows[0].size;
}

/* A few words of each MiB, which move with their block. */
static void mark(char *p, size_t size)
{
	for (size_t off = 0; off < size; off += MIB(1))
		*(size_t *)(p + off) = off + 1;
	p[size - 1] = 'e';
}

static bool is_marked(const char *p, size_t size)
{
	for (size_t off = 0; off < size; off += MIB(1))
		if (*(const size_t *)(p + off) != off + 1)
			return false;
	return p[size - 1] == 'e';
}

/* ---- runs ---- */

static void runs_take_whole_pages_and_no_more(void)
{
	char *p;

	start_large();
	p = take_large(68 * 1024);
	assert_true(in_window(p));
	assert_int_equal((uintptr_t)p % PAGE_SIZE, 0);
	assert_int_equal(page_of(p)->type, PAGE_LARGE);
	assert_int_equal(page_of(p)->nr, 17);
	assert_int_equal(used_pages(highmem()), 17);
	fill(p, 68 * 1024, 0);
	p = take_large(MIB(5) + 1);
	assert_int_equal(page_of(p)->nr, 1281);
	assert_int_equal(used_pages(highmem()), 17 + 1281);
	fill(p, MIB(5) + 1, 0);
	validate_zone(highmem());
}

static void alignments_are_kept(void)
{
	start_large();
	for (size_t align = 1; align <= MIB(64); align *= 2)
		for (size_t size = 10000; size < MIB(50); size *= 17) {
			char *p = large_alloc(heap, size, align, GFP_DEFAULT);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % align, 0);
			p[0] = p[size - 1] = 1;
		}
	validate_zone(highmem());
	validate_pgtable(&mm_pgtable);
}

static void sizes_that_cannot_be_are_null(void)
{
	static const size_t sizes[] = { PTRDIFF_MAX, 1UL << 62, 1UL << 60,
					1UL << 47 };

	start_large();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_null(large_alloc(heap, sizes[i], 1, GFP_DEFAULT));
		assert_null(large_alloc(heap, sizes[i], MIB(8), GFP_ZERO));
	}
	assert_null(large_alloc(heap, 10000, 1UL << 60, GFP_DEFAULT));
	assert_int_equal(vma_totals()->blocks, 0);
	assert_int_equal(used_pages(highmem()), 0);
	/* and they have cost no address space */
	assert_int_equal(nr_windows, 1);
}

static void zeroed_runs_are_zero_and_clean_pages_stay_clean(void)
{
	char *p, *q;

	start_large();
	p = take_large(MIB(1));
	fill(p, MIB(1), 0);
	free_large_run(p);
	q = large_alloc(heap, MIB(2), 1, GFP_ZERO);
	assert_true(is_zero(q, MIB(2)));
	p = large_alloc(heap, MIB(8), 1, GFP_ZERO);
	assert_int_equal(os_resident(p, MIB(8)), 0);
	/* a short one, out of the thread's lists */
	q = take_large(40000);
	fill(q, 40000, 0);
	free_large_run(q);
	p = large_alloc(heap, 40000, 1, GFP_ZERO);
	assert_ptr_equal(p, q);
	assert_true(is_zero(p, 40000));
}

static void short_runs_wait_in_the_lists_of_the_thread(void)
{
	char *p, *q;

	start_large();
	p = take_large(20 * 1024);
	free_large_run(p);
	assert_int_equal(page_of(p)->type, PAGE_PCP);
	assert_int_equal(used_pages(highmem()), 5);
	assert_ptr_equal(take_large(20 * 1024), p);
	/* when they are full, some go to the zone: freeing is never refused */
	for (int i = 0; i < 1000; i++) {
		p = take_large(20 * 1024);
		q = take_large(60 * 1024);
		free_large_run(p);
		free_large_run(q);
		assert_true(heap->pcp.nr_pages <= PCP_HIGH);
	}
	heap_trim(heap);
	assert_int_equal(used_pages(highmem()), 5);
	validate_zone(highmem());
}

static void head_of_a_run_is_found_from_everywhere_inside(void)
{
	struct window *w = &windows[0];
	pfn_t pfn;
	char *p;

	start_large();
	p = take_large(MIB(3));
	pfn = addr_to_pfn(w, p);
	for (size_t off = 0; off < MIB(3); off += 3333)
		assert_int_equal(run_head(w, p + off), pfn);
	assert_int_equal(run_head(w, p + MIB(3) - 1), pfn);
	assert_int_equal(run_head(w, p + MIB(3)), 0);
	assert_int_equal(run_head(w, (char *)w->base + w->size - 1), 0);
	free_large_run(p);
	assert_int_equal(run_head(w, p), 0);
	assert_int_equal(run_head(w, p + MIB(2)), 0);
}

static void run_grows_in_place_into_free_pages(void)
{
	char *p;

	start_large();
	p = take_large(MIB(1));
	fill(p, MIB(1), 0);
	for (size_t size = MIB(2); size <= VMA_MIN; size += KIB(700)) {
		assert_true(run_resize(&windows[0], p, size));
		assert_true((size_t)page_of(p)->nr << PAGE_SHIFT >= size);
		assert_int_equal(used_pages(highmem()), page_of(p)->nr);
		p[size - 1] = 1;
		validate_zone(highmem());
	}
	assert_true(is_filled(p, MIB(1), 0));
	assert_false(run_resize(&windows[0], p, 2 * VMA_MIN));
	free_large_run(p);
	assert_int_equal(used_pages(highmem()), 0);
	validate_zone(highmem());
}

static void run_does_not_grow_into_its_neighbour(void)
{
	char *p, *q;
	size_t nr;

	start_large();
	p = take_large(MIB(1));
	do
		q = take_large(MIB(1));
	while (q != p + MIB(1));
	nr = used_pages(highmem());
	fill(q, MIB(1), 0);
	assert_false(run_resize(&windows[0], p, MIB(1) + 1));
	assert_int_equal(page_of(p)->nr, 256);
	assert_int_equal(used_pages(highmem()), nr);
	assert_true(is_filled(q, MIB(1), 0));
	validate_zone(highmem());
}

static void run_that_shrinks_gives_its_tail_back(void)
{
	char *p;

	start_large();
	p = take_large(MIB(2));
	fill(p, MIB(2), 0);
	/* a little less is no change */
	assert_true(run_resize(&windows[0], p, MIB(2) - KIB(200)));
	assert_int_equal(used_pages(highmem()), 512);
	assert_true(run_resize(&windows[0], p, KIB(500)));
	assert_int_equal(page_of(p)->nr, 125);
	assert_int_equal(used_pages(highmem()), 125);
	assert_int_equal(highmem()->nr_dirty, 512 - 125);
	assert_int_equal(run_head(&windows[0], p + KIB(500)), 0);
	assert_true(is_filled(p, KIB(500), 0));
	validate_zone(highmem());
	/* and can have it again */
	assert_true(run_resize(&windows[0], p, MIB(2)));
	assert_true(is_filled(p, KIB(500), 0));
	validate_zone(highmem());
}

/* ---- mappings of their own ---- */

static void assert_vma(const struct vma *v)
{
	size_t size = 0;

	for (unsigned i = 0; i < v->nr_pieces; i++) {
		assert_true(v->piece[i].size);
		size += v->piece[i].size;
	}
	assert_int_equal(size, v->size);
	assert_true(v->size <= v->reserved);
	assert_int_equal(v->mapping.end - v->mapping.start, v->reserved);
	assert_int_equal((v->size | v->reserved | v->mapping.start) % VMA_ALIGN,
			 0);
	assert_true(is_readable((char *)v->mapping.start + v->size - 1));
	if (v->size < v->reserved)
		assert_false(is_readable((char *)v->mapping.start + v->size));
}

static void block_with_own_mapping_comes_and_goes(void)
{
	struct vma *v;
	char *p;

	start_large();
	p = take_large(VMA_MIN + 1);
	assert_false(in_window(p));
	v = vma_of(p);
	assert_non_null(v);
	assert_vma(v);
	assert_int_equal(v->size, VMA_MIN + VMA_ALIGN);
	assert_ptr_equal(vma_of(p + VMA_MIN), v);
	assert_null(vma_of(p - 1));
	assert_int_equal(vma_totals()->blocks, 1);
	assert_int_equal(vma_totals()->bytes, VMA_MIN + VMA_ALIGN);
	mark(p, VMA_MIN + 1);
	vma_free(heap, v, p);
	assert_null(vma_of(p));
	assert_false(is_readable(p));
	assert_int_equal(vma_totals()->blocks, 0);
	assert_int_equal(vma_totals()->bytes, 0);
	assert_int_equal(vma_totals()->reserved, 0);
	assert_int_equal(vma_totals()->peak_blocks, 1);
	assert_int_equal(heap->stats.n[STAT_vma_alloc], 1);
	assert_int_equal(heap->stats.n[STAT_vma_free], 1);
	validate_pgtable(&mm_pgtable);
}

static void run_moves_to_its_own_mapping_without_a_copy(void)
{
	size_t size = MIB(8);
	long faults;
	char *p, *q;

	start_large();
	p = take_large(size);
	mark(p, size);
	fill(p + 8, PAGE_SIZE - 8, -(uintptr_t)p);
	for (size_t off = PAGE_SIZE; off < size; off += PAGE_SIZE)
		p[off + 100] = 1;
	faults = minor_faults();
	q = run_move(heap, &windows[0], p, MIB(64));
	if (!q)
		child_skip("this kernel does not move pages");
	assert_true(is_marked(q, size));
	if (!SANITIZED)
		assert_true(minor_faults() - faults < 200);
	assert_true(is_filled(q + 8, PAGE_SIZE - 8, -(uintptr_t)q));
	assert_false(in_window(q));
	assert_vma(vma_of(q));
	assert_int_equal(vma_of(q)->size, MIB(64));
	/* its old place is free, clean, and has no memory */
	assert_int_equal(used_pages(highmem()), 0);
	assert_int_equal(highmem()->nr_dirty, 0);
	assert_int_equal(os_resident(p, size), 0);
	validate_zone(highmem());
	assert_true(is_zero(q + size, MIB(64) - size));
	vma_free(heap, vma_of(q), q);
}

static void growing_block_moves_rarely_and_stays_whole(void)
{
	size_t size = MIB(40), moves = 0;
	char *p, *q;

	start_large();
	p = take_large(size);
	mark(p, size);
	while (size < GIB(6)) {
		size_t more = size + MIB(100);

		q = vma_resize(heap, vma_of(p), p, more);
		if (!q)
			child_skip("this kernel does not move pages");
		moves += q != p;
		p = q;
		assert_vma(vma_of(p));
		assert_true(vma_of(p)->size >= more);
		assert_true(is_marked(p, size));
		size = more;
		mark(p, size);
	}
	/* 40 MiB * 4^4 > 6 GiB */
	assert_in_range(moves, 1, 5);
	assert_int_equal(vma_totals()->blocks, 1);
	assert_int_equal(vma_totals()->bytes, vma_of(p)->size);
	vma_free(heap, vma_of(p), p);
	assert_int_equal(vma_totals()->blocks, 0);
	validate_pgtable(&mm_pgtable);
}

static void block_that_shrinks_keeps_its_place_and_gives_memory(void)
{
	char *p;

	start_large();
	p = take_large(MIB(64));
	memset(p, 1, MIB(64));
	assert_ptr_equal(vma_resize(heap, vma_of(p), p, MIB(34)), p);
	assert_int_equal(os_resident(p, MIB(64)), MIB(34));
	assert_vma(vma_of(p));
	assert_int_equal(p[MIB(34) - 1], 1);
	assert_ptr_equal(vma_resize(heap, vma_of(p), p, MIB(60)), p);
	assert_int_equal(p[MIB(34) - 1], 1);
	p[MIB(60) - 1] = 1;
}

static void block_that_cannot_grow_is_as_it_was(void)
{
	struct vma_totals before;
	struct vma *v;
	char *p;

	start_large();
	p = take_large(MIB(40));
	mark(p, MIB(40));
	v = vma_of(p);
	before = *vma_totals();
	assert_null(vma_resize(heap, v, p, 1UL << 60));
	assert_null(vma_resize(heap, v, p, SIZE_MAX));
	assert_ptr_equal(vma_of(p), v);
	assert_vma(v);
	assert_int_equal(v->size, MIB(40));
	assert_true(is_marked(p, MIB(40)));
	assert_memory_equal(&before.bytes, &vma_totals()->bytes, 16);
}

/* ---- a kernel that refuses ---- */

static void refused_move_leaves_the_run_as_it_was(void)
{
	char *p;

	start_large();
	p = take_large(MIB(8));
	fill(p, MIB(8), 0);
	deny(SYS_mremap, ANY_SIZE);
	assert_null(run_move(heap, &windows[0], p, MIB(64)));
	assert_true(is_filled(p, MIB(8), 0));
	assert_int_equal(page_of(p)->nr, 2048);
	assert_int_equal(vma_totals()->blocks, 0);
	assert_int_equal(vma_totals()->reserved, 0);
	free_large_run(p);
	validate_zone(highmem());
	validate_pgtable(&mm_pgtable);
}

/* The first piece of the block moves, the second does not. */
static void move_refused_halfway_loses_nothing(void)
{
	char *p;

	start_large();
	p = take_large(MIB(8));
	mark(p, MIB(8));
	p = run_move(heap, &windows[0], p, MIB(64));
	if (!p)
		child_skip("this kernel does not move pages");
	assert_int_equal(vma_of(p)->nr_pieces, 2);
	p[MIB(8) - 1] = 0;
	mark(p, MIB(64));
	deny(SYS_mremap, (uint32_t)vma_of(p)->piece[1].size);
	assert_null(vma_resize(heap, vma_of(p), p, GIB(1)));
	assert_vma(vma_of(p));
	assert_true(is_marked(p, MIB(64)));
	assert_int_equal(vma_totals()->blocks, 1);
	vma_free(heap, vma_of(p), p);
	assert_int_equal(vma_totals()->reserved, 0);
	validate_pgtable(&mm_pgtable);
}

static void refused_unmap_costs_no_memory(void)
{
	char *p;

	start_large();
	p = take_large(MIB(40));
	memset(p, 1, MIB(40));
	deny(SYS_munmap, ANY_SIZE);
	vma_free(heap, vma_of(p), p);
	assert_null(vma_of(p));
	assert_int_equal(os_resident(p, MIB(40)), 0);
	assert_int_equal(vma_totals()->blocks, 0);
}

static void no_address_space_is_null_and_no_harm(void)
{
	char *p[64];
	int n = 0;

	limit_address_space(MIB(512));
	start_large();
	while (n < 64 && (p[n] = large_alloc(heap, MIB(40), 1, GFP_DEFAULT)))
		mark(p[n++], MIB(40));
	assert_in_range(n, 5, 12);
	for (int i = 0; i < n; i++) {
		assert_true(is_marked(p[i], MIB(40)));
		if (vma_of(p[i]))
			vma_free(heap, vma_of(p[i]), p[i]);
		else
			run_free(heap, map_window(NULL, (uintptr_t)p[i]), p[i]);
	}
	assert_int_equal(vma_totals()->reserved, 0);
	assert_int_equal(used_pages(highmem()), 0);
	validate_zone(highmem());
	validate_pgtable(&mm_pgtable);
	assert_non_null(large_alloc(heap, MIB(40), 1, GFP_DEFAULT));
}

/* ---- misuse ---- */

static char *victim;

static void free_inside(void)
{
	free_large_run(victim + PAGE_SIZE);
}

static void free_askew(void)
{
	free_large_run(victim + 8);
}

static void free_twice(void)
{
	free_large_run(victim);
	free_large_run(victim);
}

static void free_inside_mapping(void)
{
	char *p = take_large(MIB(40));

	vma_free(heap, vma_of(p), p + PAGE_SIZE);
}

static void misuse_is_always_found(void)
{
	start_large();
	victim = take_large(MIB(1));
	assert_aborts(free_inside, ": 4096 bytes inside a block of 1048576 ");
	assert_aborts(free_askew, ": 8 bytes inside a block of 1048576 ");
	assert_aborts(free_twice, "mm: double free of ");
	assert_aborts(free_inside_mapping,
		      ": 4096 bytes inside a block of 41943040 ");
	victim = take_large(20000);
	assert_aborts(free_twice, "mm: double free of ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(runs_take_whole_pages_and_no_more),
		CHILD_TEST(alignments_are_kept),
		CHILD_TEST(sizes_that_cannot_be_are_null),
		CHILD_TEST(zeroed_runs_are_zero_and_clean_pages_stay_clean),
		CHILD_TEST(short_runs_wait_in_the_lists_of_the_thread),
		CHILD_TEST(head_of_a_run_is_found_from_everywhere_inside),
		CHILD_TEST(run_grows_in_place_into_free_pages),
		CHILD_TEST(run_does_not_grow_into_its_neighbour),
		CHILD_TEST(run_that_shrinks_gives_its_tail_back),
		CHILD_TEST(block_with_own_mapping_comes_and_goes),
		CHILD_TEST(run_moves_to_its_own_mapping_without_a_copy),
		CHILD_TEST(growing_block_moves_rarely_and_stays_whole),
		CHILD_TEST(block_that_shrinks_keeps_its_place_and_gives_memory),
		CHILD_TEST(block_that_cannot_grow_is_as_it_was),
		CHILD_TEST(refused_move_leaves_the_run_as_it_was),
		CHILD_TEST(move_refused_halfway_loses_nothing),
		CHILD_TEST(refused_unmap_costs_no_memory),
		CHILD_TEST(no_address_space_is_null_and_no_harm),
		CHILD_TEST(misuse_is_always_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
