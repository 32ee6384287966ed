// SPDX-License-Identifier: MIT
/*
 * map_test.c - the page table, in all three geometries; one thread
 */
#include "arena/arena.h"
#include "map_test.h"

/* Both ends of an only mapping, from either side. */
static void check_ends(const struct pgtable *pt, struct mapping *m)
{
	assert_ptr_equal(pgtable_find(pt, m->start), m);
	assert_ptr_equal(pgtable_find(pt, m->start + PAGE - 1), m);
	assert_ptr_equal(pgtable_find(pt, m->end - PAGE), m);
	assert_ptr_equal(pgtable_find(pt, m->end - 1), m);
	assert_null(pgtable_find(pt, m->start - 1));
	assert_null(pgtable_find(pt, m->end));
}

/* Map alone, look, unmap; returns the nodes it took. */
static size_t try_range(struct pgtable *pt, uintptr_t start, uintptr_t end)
{
	struct mapping m = { 0 };
	size_t nr_nodes;

	map(pt, &m, start, end);
	nr_nodes = pt->nr_nodes;
	check_ends(pt, &m);
	unmap(pt, &m);
	assert_int_equal(pt->nr_nodes, 0);
	assert_int_equal(pt->nr_mappings, 0);
	assert_null(pgtable_find(pt, start));
	assert_null(pgtable_find(pt, end - 1));
	return nr_nodes;
}

/* ---- one mapping ---- */

static void geometry_divides_the_address_evenly(void **state)
{
	const struct pgtable_geom *g = *state;

	assert_int_equal(g->shift[g->levels], PAGE_SHIFT);
	for (unsigned d = 0; d < g->levels; d++)
		assert_int_equal(g->shift[d] - g->shift[d + 1],
				 g->shift[0] - g->shift[1]);
	assert_true(g->shift[g->tlb_depth] >= TLB_SHIFT);
	assert_true(g->shift[g->tlb_depth + 1] < TLB_SHIFT);
}

static void first_and_last_page_are_found(void **state)
{
	struct pgtable pt = table_of(state);
	uintptr_t limit = limit_of(pt.geom);
	struct mapping low = { 0 }, high = { 0 };

	assert_int_equal(try_range(&pt, 0, PAGE), pt.geom->levels);
	assert_int_equal(try_range(&pt, limit - PAGE, limit), pt.geom->levels);
	map(&pt, &low, 0, PAGE);
	map(&pt, &high, limit - PAGE, limit);
	assert_ptr_equal(pgtable_find(&pt, 0), &low);
	assert_ptr_equal(pgtable_find(&pt, PAGE - 1), &low);
	assert_null(pgtable_find(&pt, PAGE));
	assert_null(pgtable_find(&pt, limit - PAGE - 1));
	assert_ptr_equal(pgtable_find(&pt, limit - PAGE), &high);
	assert_ptr_equal(pgtable_find(&pt, limit - 1), &high);
	assert_null(pgtable_find(&pt, limit));
}

static void range_may_end_where_the_addresses_end(void **state)
{
	struct pgtable pt = table_of(state);
	uintptr_t limit = limit_of(pt.geom);

	for (unsigned d = 0; d <= pt.geom->levels; d++) {
		uintptr_t size = 1UL << pt.geom->shift[d];

		/* one leaf at depth d hangs on d nodes */
		assert_int_equal(try_range(&pt, limit - size, limit), d);
		assert_int_equal(try_range(&pt, 0, size), d);
		if (d == 0)
			continue;
		try_range(&pt, limit - size - PAGE, limit);
		try_range(&pt, 0, size + PAGE);
	}
	try_range(&pt, PAGE, limit);
	try_range(&pt, 0, limit - PAGE);
	try_range(&pt, PAGE, limit - PAGE);
}

static void range_may_cross_the_border_of_every_level(void **state)
{
	struct pgtable pt = table_of(state);

	for (unsigned d = 1; d <= pt.geom->levels; d++) {
		uintptr_t size = 1UL << pt.geom->shift[d];
		uintptr_t b = limit_of(pt.geom) / 2 + 2 * size;

		for (int i = 0; i < 2; i++) {
			/* one page either side, one side, and a slot between */
			try_range(&pt, b - PAGE, b + PAGE);
			try_range(&pt, b - PAGE, b);
			try_range(&pt, b, b + PAGE);
			try_range(&pt, b - PAGE, b + size);
			try_range(&pt, b, b + size + PAGE);
			try_range(&pt, b - PAGE, b + size + PAGE);
			b = limit_of(pt.geom) / 2; /* of all levels at once */
		}
	}
}

static void aligned_parts_are_large_leaves(void **state)
{
	struct pgtable pt = table_of(state);
	unsigned levels = pt.geom->levels;

	for (unsigned d = 1; d <= levels; d++) {
		uintptr_t size = 1UL << pt.geom->shift[d];

		/* the nodes above, whatever the size */
		assert_int_equal(try_range(&pt, 2 * size, 3 * size), d);
		assert_int_equal(try_range(&pt, 2 * size, 9 * size), d);
		/* and a way down for each end that is not aligned */
		assert_int_equal(try_range(&pt, 2 * size, 9 * size + PAGE),
				 levels);
		if (d < levels)
			assert_int_equal(try_range(&pt, 2 * size - PAGE,
						   9 * size + PAGE),
					 2 * levels - d);
	}
}

/* ---- refusals ---- */

static void taken_range_is_refused_and_nothing_changes(void **state)
{
	struct pgtable pt = table_of(state), before;
	uintptr_t size = 1UL << pt.geom->shift[1];
	uintptr_t start = 2 * size - PAGE, end = 3 * size + 2 * PAGE;
	const uintptr_t tries[][2] = {
		{ start, end },
		{ start - PAGE, start + PAGE },
		{ end - PAGE, end + PAGE },
		{ 2 * size, 2 * size + PAGE },
		{ 0, limit_of(pt.geom) },
		{ 0, 3 * size },
		{ 2 * size, 3 * size },
		{ 3 * size, 4 * size },
		{ end - PAGE, end + 5 * size },
		{ 0, start + PAGE },
	};
	struct mapping m = { 0 }, other = { 0 };
	size_t bytes;

	map(&pt, &m, start, end);
	bytes = memblock_bytes();
	before = pt;
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		mapping_init(&other, tries[i][0], tries[i][1], MAPPING_VMA);
		assert_int_equal(pgtable_map(&pt, &other), -EEXIST);
		validate_pgtable(&pt);
		assert_memory_equal(&pt, &before, sizeof(pt));
		assert_int_equal(memblock_bytes(), bytes);
		check_ends(&pt, &m);
		assert_null(pgtable_find(&pt, 0));
		assert_null(pgtable_find(&pt, end + PAGE));
	}
	unmap(&pt, &m);
	assert_int_equal(pgtable_map(&pt, &other), 0);
}

static void bad_range_is_refused(void **state)
{
	struct pgtable pt = table_of(state);
	uintptr_t limit = limit_of(pt.geom);
	const uintptr_t tries[][2] = {
		{ 0, 0 },
		{ PAGE, PAGE },
		{ 2 * PAGE, PAGE },
		{ limit, 0 },
		{ PAGE, 0 },
		{ 1, PAGE },
		{ 0, PAGE - 1 },
		{ 8, PAGE + 8 },
		{ limit, limit + PAGE },
		{ limit - PAGE, limit + PAGE },
		{ 0, limit + PAGE },
		{ -2 * PAGE, -PAGE },
	};
	struct mapping m = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		mapping_init(&m, tries[i][0], tries[i][1], MAPPING_VMA);
		assert_int_equal(pgtable_map(&pt, &m), -EINVAL);
		assert_int_equal(pt.nr_nodes + pt.nr_free_nodes, 0);
		assert_int_equal(pt.root, 0);
	}
}

static void address_outside_the_geometry_is_nobodys(void **state)
{
	struct pgtable pt = table_of(state);
	uintptr_t limit = limit_of(pt.geom);
	const uintptr_t strangers[] = {
		limit,
		limit + PAGE,
		limit | limit / 2,
		1UL << 63,
		(1UL << 63) + PAGE,
		0x8000UL << 48 | 0x1234,
		0xffff800000000000,
		0xffffffff81000000,
		0xdeadbeefdeadbeef,
		~(PAGE - 1),
		UINTPTR_MAX,
	};
	struct mapping m = { 0 };
	struct tlb tlb = { 0 };

	/* all of it is mapped: an address that wrapped would be found */
	map(&pt, &m, 0, limit);
	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
		assert_null(pgtable_find(&pt, strangers[i]));
		assert_null(tlb_lookup(&tlb, &pt, pt.geom, strangers[i]));
	}
	assert_int_equal(tlb.hits, 0);
	unmap(&pt, &m);
	map(&pt, &m, 0, PAGE);
	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
		assert_null(pgtable_find(&pt, strangers[i]));
}

/* Use up memblock while the kernel gives it nothing. */
static int map_without_memory(struct pgtable *pt, struct mapping *m)
{
	struct rlimit was, none;
	int err;

	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	none = (struct rlimit){ 0, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	while (memblock_alloc(2048, 8))
		;
	err = pgtable_map(pt, m);
	setrlimit(RLIMIT_AS, &was);
	return err;
}

static void without_memory_nothing_is_installed(void **state)
{
	struct mapping m = { 0 }, leaf = { 0 };
	unsigned levels = ((struct pgtable_geom *)*state)->levels;

	for (unsigned nr_free = 0; nr_free <= levels; nr_free++) {
		struct pgtable pt = table_of(state);
		int want = nr_free < levels ? -ENOMEM : 0;

		/* a leaf that hangs on nr_free nodes leaves them behind */
		map(&pt, &leaf, 0, 1UL << pt.geom->shift[nr_free]);
		unmap(&pt, &leaf);
		assert_int_equal(pt.nr_free_nodes, nr_free);

		mapping_init(&m, PAGE, 2 * PAGE, MAPPING_VMA);
		assert_int_equal(map_without_memory(&pt, &m), want);
		validate_pgtable(&pt);
		if (want) {
			assert_int_equal(pt.nr_nodes + pt.nr_mappings, 0);
			assert_null(pgtable_find(&pt, PAGE));
			assert_int_equal(pgtable_map(&pt, &m), 0);
		}
		assert_ptr_equal(pgtable_find(&pt, PAGE), &m);
	}
}

static void unmapping_a_stranger_aborts(void **state)
{
	struct pgtable pt = table_of(state);
	struct mapping m = { 0 }, other = { 0 };
	int status;
	pid_t pid;

	map(&pt, &m, 0, PAGE);
	mapping_init(&other, 0, PAGE, MAPPING_VMA);
	pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		pgtable_unmap(&pt, &other);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- many mappings ---- */

static void nodes_are_used_again(void **state)
{
	struct pgtable pt = table_of(state);
	uintptr_t limit = limit_of(pt.geom);
	struct mapping m = { 0 };
	size_t bytes;

	try_range(&pt, PAGE, limit - PAGE);
	bytes = memblock_bytes();
	for (int i = 0; i < 1000; i++) {
		uintptr_t start = rnd() % (limit / PAGE) * PAGE;

		try_range(&pt, start, start + PAGE);
	}
	map(&pt, &m, PAGE, limit - PAGE);
	assert_int_equal(memblock_bytes(), bytes);
	assert_int_equal(pt.nr_nodes, 2 * pt.geom->levels - 1);
	assert_int_equal(pt.nr_free_nodes, 0);
}

#define NR_MODEL 40

struct model {
	struct pgtable pt;
	struct tlb tlb;
	struct mapping m[NR_MODEL];
	bool in[NR_MODEL];
};

static struct mapping *model_find(struct model *md, uintptr_t addr)
{
	for (int i = 0; i < NR_MODEL; i++)
		if (md->in[i] && addr >= md->m[i].start && addr < md->m[i].end)
			return &md->m[i];
	return NULL;
}

static bool model_overlaps(struct model *md, const struct mapping *m)
{
	for (int i = 0; i < NR_MODEL; i++)
		if (md->in[i] && m->start < md->m[i].end &&
		    md->m[i].start < m->end)
			return true;
	return false;
}

/*
 * Blocks of the address space that a mapping holds a part of, but not all: an
 * end of the mapping lies in each of them.
 */
static size_t model_nodes(struct model *md)
{
	uintptr_t seen[2 * NR_MODEL];
	size_t nr_nodes = 0;

	for (unsigned d = 0; d < md->pt.geom->levels; d++) {
		uintptr_t size = 1UL << md->pt.geom->shift[d];
		size_t nr = 0, k;

		for (int i = 0; i < 2 * NR_MODEL; i++) {
			struct mapping *m = &md->m[i / 2];
			uintptr_t at = i % 2 ? m->end - 1 : m->start;
			uintptr_t base = align_down(at, size);

			if (!md->in[i / 2] ||
			    (m->start <= base && base + size <= m->end))
				continue;
			for (k = 0; k < nr && seen[k] != base; k++)
				;
			if (k == nr)
				seen[nr++] = base;
		}
		nr_nodes += nr;
	}
	return nr_nodes;
}

static void model_look(struct model *md, uintptr_t addr)
{
	struct mapping *m = model_find(md, addr);

	assert_ptr_equal(pgtable_find(&md->pt, addr), m);
	assert_ptr_equal(tlb_lookup(&md->tlb, &md->pt, md->pt.geom, addr), m);
}

static int model_change(struct model *md, int i)
{
	struct mapping *m = &md->m[i];
	int err = 0;

	if (md->in[i]) {
		pgtable_unmap(&md->pt, m);
		md->in[i] = false;
	} else {
		rnd_mapping(md->pt.geom, m);
		err = pgtable_map(&md->pt, m);
		assert_int_equal(err, model_overlaps(md, m) ? -EEXIST : 0);
		md->in[i] = !err;
	}
	model_look(md, m->start);
	model_look(md, m->start - 1);
	model_look(md, m->end - 1);
	model_look(md, m->end);
	return err;
}

static void random_changes_agree_with_a_list_of_ranges(void **state)
{
	struct model md = { .pt = table_of(state) };
	size_t nr_taken = 0, nr_lookups = 0;

	seed_rnd(__func__);
	for (int n = 0; n < 4000; n++) {
		nr_taken += !!model_change(&md, rnd() % NR_MODEL);
		nr_lookups += 4;
		for (int i = 0; i < 8; i++, nr_lookups++)
			model_look(&md, rnd_addr(md.pt.geom) + rnd() % PAGE);
		assert_int_equal(md.pt.nr_nodes, model_nodes(&md));
		if (n % 64 == 0)
			validate_pgtable(&md.pt);
	}
	assert_in_range(nr_taken, 100, 3500);
	assert_int_equal(md.tlb.hits + md.tlb.misses, nr_lookups);
	assert_true(md.tlb.hits);
	for (int i = 0; i < NR_MODEL; i++)
		if (md.in[i])
			model_change(&md, i);
	assert_int_equal(md.pt.nr_nodes, 0);
	assert_int_equal(md.pt.root, 0);
	validate_pgtable(&md.pt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_GEOM(geometry_divides_the_address_evenly),
		EACH_GEOM(first_and_last_page_are_found),
		EACH_GEOM(range_may_end_where_the_addresses_end),
		EACH_GEOM(range_may_cross_the_border_of_every_level),
		EACH_GEOM(aligned_parts_are_large_leaves),
		EACH_GEOM(taken_range_is_refused_and_nothing_changes),
		EACH_GEOM(bad_range_is_refused),
		EACH_GEOM(address_outside_the_geometry_is_nobodys),
		EACH_GEOM(without_memory_nothing_is_installed),
		EACH_GEOM(unmapping_a_stranger_aborts),
		EACH_GEOM(nodes_are_used_again),
		EACH_GEOM(random_changes_agree_with_a_list_of_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
