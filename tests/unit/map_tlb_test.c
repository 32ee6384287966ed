// SPDX-License-Identifier: MIT
/*
 * map_tlb_test.c - the TLB, readers beside a writer, and fork
 */
#include <pthread.h>

#include "map_test.h"

#define TLB_REACH (1UL << TLB_SHIFT)

static struct mapping *look(struct tlb *tlb, const struct pgtable *pt,
			    uintptr_t addr)
{
	return tlb_lookup(tlb, pt, pt->geom, addr);
}

static void assert_counts(const struct tlb *tlb, uint64_t hits, uint64_t misses)
{
	assert_int_equal(tlb->hits, hits);
	assert_int_equal(tlb->misses, misses);
}

/* ---- TLB ---- */

static void first_lookup_in_a_gib_misses_and_the_others_hit(void **state)
{
	struct pgtable pt = table_of(state);
	uintptr_t nr = min_size(limit_of(pt.geom) >> TLB_SHIFT, TLB_ENTRIES);
	struct mapping m[TLB_ENTRIES] = { 0 };
	struct tlb tlb = { 0 };

	for (uintptr_t i = 0; i < nr; i++)
		map(&pt, &m[i], i * TLB_REACH + PAGE, i * TLB_REACH + 9 * PAGE);
	for (int round = 0; round < 3; round++)
		for (uintptr_t i = 0; i < nr; i++)
			for (uintptr_t k = 1; k < 9; k++)
				assert_ptr_equal(
					look(&tlb, &pt, m[i].end - k * PAGE),
					&m[i]);
	assert_counts(&tlb, 3 * nr * 8 - nr, nr);
}

static void lookups_sixteen_gib_apart_share_an_entry(void **state)
{
	struct pgtable pt = table_of(state);
	struct mapping a = { 0 }, b = { 0 };
	uintptr_t away = TLB_ENTRIES * TLB_REACH;
	struct tlb tlb = { 0 };

	map(&pt, &a, 0, PAGE);
	map(&pt, &b, away, away + PAGE);
	for (int i = 0; i < 5; i++) {
		assert_ptr_equal(look(&tlb, &pt, 0), &a);
		assert_ptr_equal(look(&tlb, &pt, away), &b);
	}
	assert_counts(&tlb, 0, 10);
	assert_ptr_equal(look(&tlb, &pt, away), &b);
	assert_counts(&tlb, 1, 10);
}

static void large_leaf_is_remembered_once_per_gib(void **state)
{
	struct pgtable pt = table_of(state);
	struct mapping m = { 0 };
	struct tlb tlb = { 0 };

	map(&pt, &m, TLB_REACH, 3 * TLB_REACH);
	assert_ptr_equal(look(&tlb, &pt, TLB_REACH), &m);
	assert_ptr_equal(look(&tlb, &pt, 2 * TLB_REACH - 1), &m);
	assert_ptr_equal(look(&tlb, &pt, 2 * TLB_REACH), &m);
	assert_ptr_equal(look(&tlb, &pt, 3 * TLB_REACH - 1), &m);
	assert_counts(&tlb, 2, 2);
	assert_null(look(&tlb, &pt, TLB_REACH - 1));
	assert_null(look(&tlb, &pt, 3 * TLB_REACH));
	assert_counts(&tlb, 2, 4);
}

static void nothing_is_not_remembered(void **state)
{
	struct pgtable pt = table_of(state);
	struct mapping m = { 0 }, n = { 0 };
	struct tlb tlb = { 0 };

	for (int i = 0; i < 3; i++)
		assert_null(look(&tlb, &pt, PAGE));
	assert_counts(&tlb, 0, 3);
	map(&pt, &m, PAGE, 2 * PAGE);
	assert_ptr_equal(look(&tlb, &pt, PAGE), &m);
	assert_counts(&tlb, 0, 4);

	/* now the node is known, but what it says is read anew */
	assert_null(look(&tlb, &pt, 7 * PAGE));
	map(&pt, &n, 7 * PAGE, 8 * PAGE);
	assert_ptr_equal(look(&tlb, &pt, 7 * PAGE), &n);
	assert_counts(&tlb, 2, 4);
}

static void zeroed_tlb_knows_nothing_of_the_first_gib(void **state)
{
	struct pgtable pt = table_of(state);
	struct mapping m = { 0 };
	struct tlb tlb = { 0 };

	map(&pt, &m, 0, TLB_REACH);
	assert_ptr_equal(look(&tlb, &pt, 0), &m);
	assert_counts(&tlb, 0, 1);
}

/* Each size of leaf, seen through the TLB, gives way to each other size. */
static void unmapped_range_is_forgotten(void **state)
{
	struct pgtable pt = table_of(state);
	unsigned levels = pt.geom->levels;
	struct mapping m = { 0 }, n = { 0 };
	struct tlb tlb = { 0 };
	uint64_t hits = 0;

	for (unsigned i = 0; i < levels * levels; i++) {
		uintptr_t was = 1UL << pt.geom->shift[1 + i / levels];
		uintptr_t is = 1UL << pt.geom->shift[1 + i % levels];

		map(&pt, &m, 0, was);
		assert_ptr_equal(look(&tlb, &pt, 0), &m);
		assert_ptr_equal(look(&tlb, &pt, PAGE - 1), &m);
		unmap(&pt, &m);
		assert_null(look(&tlb, &pt, 0));
		map(&pt, &n, 0, is);
		assert_ptr_equal(look(&tlb, &pt, 0), &n);
		assert_ptr_equal(look(&tlb, &pt, is - 1), &n);
		assert_null(look(&tlb, &pt, is));
		unmap(&pt, &n);
		assert_null(look(&tlb, &pt, is - 1));
		/* hits: PAGE - 1, and what shares a GiB with n's first page */
		hits += 1 + (is <= TLB_REACH) + (is < TLB_REACH);
		assert_counts(&tlb, hits, 7 * (i + 1) - hits);
	}
}

/* The same mapping object under the same node, at another place. */
static void moved_mapping_is_not_found_where_it_was(void **state)
{
	struct pgtable pt = table_of(state);
	struct mapping stays = { 0 }, m = { 0 };
	struct tlb tlb = { 0 };

	map(&pt, &stays, 0, PAGE);
	for (uintptr_t i = 1; i < 64; i++) {
		map(&pt, &m, i * PAGE, (i + 1) * PAGE);
		assert_ptr_equal(look(&tlb, &pt, i * PAGE), &m);
		assert_ptr_equal(look(&tlb, &pt, 0), &stays);
		assert_null(look(&tlb, &pt, (i + 1) * PAGE));
		if (i > 1)
			assert_null(look(&tlb, &pt, (i - 1) * PAGE));
		unmap(&pt, &m);
		assert_null(look(&tlb, &pt, i * PAGE));
	}
}

static void table_of_the_process_is_ready(void **state)
{
	struct mapping m = { 0 };
	struct tlb tlb = { 0 };
	uintptr_t addr = (uintptr_t)&m & ~(PAGE - 1);

	(void)state;
	assert_null(pgtable_find(&mm_pgtable, addr));
	assert_null(tlb_find(&tlb, addr));
	map(&mm_pgtable, &m, addr, addr + PAGE);
	assert_ptr_equal(pgtable_find(&mm_pgtable, (uintptr_t)&m), &m);
	assert_ptr_equal(tlb_find(&tlb, (uintptr_t)&m), &m);
	assert_ptr_equal(tlb_find(&tlb, (uintptr_t)&m), &m);
	assert_null(tlb_find(&tlb, 0));
	assert_null(tlb_find(&tlb, UINTPTR_MAX));
	assert_counts(&tlb, 1, 4);
	unmap(&mm_pgtable, &m);
	assert_int_equal(mm_pgtable.nr_nodes, 0);
}

/* ---- readers overtaken at a chosen point ---- */

/* The nodes are got back in the order of their levels: only the root differs.
 */
static void reader_in_a_reused_node_believes_no_leaf(void **state)
{
	struct pgtable pt = table_of(state);
	const struct pgtable_geom *g = pt.geom;
	uintptr_t size = 1UL << g->shift[1], addr = 2 * size + PAGE;
	struct mapping m = { 0 }, n = { 0 };

	for (unsigned d = 1; d < g->levels; d++) {
		uintptr_t slot, leaf;

		map(&pt, &m, addr, addr + PAGE);
		slot = pgtable_walk(g, pt.root, 0, d, addr);
		unmap(&pt, &m);
		map(&pt, &n, addr + size, addr + size + PAGE);
		leaf = pgtable_walk(g, slot, d, g->levels, addr);
		assert_int_equal(leaf, (uintptr_t)&n);
		assert_null(pgtable_leaf(leaf, addr));
		unmap(&pt, &n);
	}
}

/*
 * One large leaf keeps the upper nodes, so the deepest is what the next gets
 * for level 1; then there is something below.
 */
static void reader_in_a_node_of_another_level_finds_nothing(void **state)
{
	struct pgtable pt = table_of(state);
	const struct pgtable_geom *g = pt.geom;
	unsigned d = g->levels - 1;
	uintptr_t size = 1UL << g->shift[1], addr = 2 * size + PAGE;
	uintptr_t part = 1UL << g->shift[2], high = 3 * size, slot;
	struct mapping m = { 0 }, first = { 0 }, next = { 0 }, below = { 0 };

	map(&pt, &m, addr, addr + PAGE);
	slot = pgtable_walk(g, pt.root, 0, d, addr);
	unmap(&pt, &m);
	map(&pt, &first, 0, 1UL << g->shift[d]);
	map(&pt, &next, high, high + part);
	map(&pt, &below, high + part, high + part + PAGE);
	slot = pgtable_walk(g, slot, d, g->levels, addr);
	assert_true(slot & PGTABLE_NODE);
	assert_null(pgtable_leaf(slot, addr));
}

/* What a node holds must not be read as a range, even if it would fit. */
static void node_is_never_taken_for_a_mapping(void **state)
{
	struct {
		char tag; /* a tagged pointer to this points at m */
		struct mapping m;
	} __attribute__((packed, aligned(8))) node = { .m.end = -PAGE };

	(void)state;
	assert_null(pgtable_leaf((uintptr_t)&node + PGTABLE_NODE, PAGE));
}

/*
 * A mapping whose end lies on a page of its own: the first reader of it faults
 * there, having read the start, and the handler moves the mapping meanwhile.
 */
static struct {
	struct pgtable pt;
	struct mapping *m, heir;
	void *page;
} trap;

static void spring_trap(int sig)
{
	uintptr_t start = trap.m->start;

	(void)sig;
	mprotect(trap.page, PAGE, PROT_READ | PROT_WRITE);
	pgtable_unmap(&trap.pt, trap.m);
	/* old start and new end together would still hold the address */
	mapping_init(trap.m, start + 8 * PAGE, start + 9 * PAGE, MAPPING_VMA);
	BUG_ON(pgtable_map(&trap.pt, trap.m));
	mapping_init(&trap.heir, start, start + PAGE, MAPPING_VMA);
	BUG_ON(pgtable_map(&trap.pt, &trap.heir));
}

static void set_trap(void **state)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	trap.pt = table_of(state);
	trap.page = p + PAGE;
	trap.m = (void *)(p + PAGE - offsetof(struct mapping, end));
	map(&trap.pt, trap.m, 0, PAGE);
}

static void mapping_that_moves_while_it_is_read_is_looked_up_again(void **state)
{
	struct sigaction sa = { .sa_handler = spring_trap }, was;
	struct tlb tlb = { 0 };

	sigaction(SIGSEGV, &sa, &was);
	set_trap(state);
	mprotect(trap.page, PAGE, PROT_NONE);
	assert_ptr_equal(pgtable_find(&trap.pt, 0), &trap.heir);

	set_trap(state);
	assert_ptr_equal(look(&tlb, &trap.pt, 0), trap.m);
	mprotect(trap.page, PAGE, PROT_NONE);
	assert_ptr_equal(look(&tlb, &trap.pt, 0), &trap.heir);
	assert_counts(&tlb, 0, 2);
	sigaction(SIGSEGV, &was, NULL);
}

/* ---- readers beside a writer ---- */

#define NR_STABLE 6
#define NR_EMPTY  8
#define NR_MOVING 3
#define RUN_MS	  1000

/*
 * Stable pages stay mapped, empty ones never are, and the moving mappings go
 * wherever they fit between them, so that nodes are cut off and used again.
 */
struct race {
	struct pgtable pt;
	struct mapping stable[NR_STABLE], moving[NR_MOVING];
	uintptr_t empty[NR_EMPTY];
	bool stop;
	uint64_t reader_seed;
	uint64_t nr_lookups, nr_lost, nr_ghosts, nr_moving_found;
};

static bool holds(const struct mapping *m, uintptr_t addr)
{
	return addr >= m->start && addr < m->end;
}

static void race_setup(struct race *r)
{
	for (int i = 0; i < NR_STABLE; i++) {
		struct mapping *m = &r->stable[i];

		do {
			uintptr_t start = rnd_addr(r->pt.geom);

			mapping_init(m, start, start + PAGE, MAPPING_VMA);
		} while (pgtable_map(&r->pt, m));
	}
	for (int i = 0; i < NR_EMPTY; i++)
		do
			r->empty[i] = rnd_addr(r->pt.geom) + rnd() % PAGE;
		while (pgtable_find(&r->pt, r->empty[i]));
}

static void *race_reader(void *arg)
{
	struct race *r = arg;
	const struct pgtable *pt = &r->pt;
	struct tlb tlb = { 0 };

	rnd_state = r->reader_seed;
	while (!READ_ONCE(r->stop)) {
		struct mapping *m = &r->stable[rnd() % NR_STABLE];
		uintptr_t addr = m->start + rnd() % PAGE;

		r->nr_lost += pgtable_find(pt, addr) != m;
		r->nr_lost += look(&tlb, pt, addr) != m;

		addr = r->empty[rnd() % NR_EMPTY];
		r->nr_ghosts += pgtable_find(pt, addr) != NULL;
		r->nr_ghosts += look(&tlb, pt, addr) != NULL;

		/* moving mappings are found or not, but nothing else is */
		addr = rnd_addr(pt->geom);
		m = look(&tlb, pt, addr);
		if (m >= r->moving && m < r->moving + NR_MOVING)
			r->nr_moving_found++;
		else if (m)
			r->nr_ghosts += !holds(m, addr);
		r->nr_lookups += 5;
	}
	r->nr_ghosts += tlb.hits + tlb.misses != r->nr_lookups / 5 * 3;
	return NULL;
}

static bool race_move(struct race *r, struct mapping *m)
{
	if (m->end)
		pgtable_unmap(&r->pt, m);
	rnd_mapping(r->pt.geom, m);
	for (int i = 0; i < NR_EMPTY; i++)
		if (holds(m, r->empty[i]))
			goto out_unused;
	if (!pgtable_map(&r->pt, m))
		return true;
out_unused:
	mapping_init(m, 0, 0, MAPPING_VMA);
	return false;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000UL + ts.tv_nsec / 1000000;
}

static void reader_sees_what_stays_and_only_what_is(void **state)
{
	struct race r = { .pt = table_of(state) };
	uint64_t end_ms = now_ms() + RUN_MS, nr_moves = 0;
	pthread_t reader;

	seed_rnd(__func__);
	race_setup(&r);
	r.reader_seed = rnd() | 1;
	assert_int_equal(pthread_create(&reader, NULL, race_reader, &r), 0);
	while (now_ms() < end_ms)
		for (int i = 0; i < 64; i++)
			nr_moves += race_move(&r, &r.moving[rnd() % NR_MOVING]);
	WRITE_ONCE(r.stop, true);
	pthread_join(reader, NULL);
	validate_pgtable(&r.pt);

	print_message("%lu moves, %lu lookups, %lu found moving\n", nr_moves,
		      r.nr_lookups, r.nr_moving_found);
	assert_int_equal(r.nr_lost, 0);
	assert_int_equal(r.nr_ghosts, 0);
	assert_true(nr_moves > 100 && r.nr_lookups > 100);
}

/* ---- fork ---- */

static void child_of_a_fork_can_use_the_table(void **state)
{
	struct pgtable pt = table_of(state);
	struct mapping m = { 0 }, n = { 0 };
	int status;
	pid_t pid;

	map(&pt, &m, 0, PAGE);
	mapping_init(&n, PAGE, 2 * PAGE, MAPPING_VMA);
	pgtable_fork(&pt, FORK_PREPARE);
	assert_false(lock_try(&pt.lock));
	pid = fork();
	if (pid == 0) {
		alarm(10);
		lock_forget_held();
		pgtable_fork(&pt, FORK_CHILD);
		pgtable_unmap(&pt, &m);
		_exit(pgtable_map(&pt, &n) || pgtable_find(&pt, 0) ||
		      pgtable_find(&pt, PAGE) != &n);
	}
	pgtable_fork(&pt, FORK_PARENT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(pgtable_map(&pt, &n), 0);
	assert_ptr_equal(pgtable_find(&pt, 0), &m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_GEOM(first_lookup_in_a_gib_misses_and_the_others_hit),
		GEOM_TEST(lookups_sixteen_gib_apart_share_an_entry, 57),
		GEOM_TEST(lookups_sixteen_gib_apart_share_an_entry, 48),
		EACH_GEOM(large_leaf_is_remembered_once_per_gib),
		EACH_GEOM(nothing_is_not_remembered),
		EACH_GEOM(zeroed_tlb_knows_nothing_of_the_first_gib),
		EACH_GEOM(unmapped_range_is_forgotten),
		EACH_GEOM(moved_mapping_is_not_found_where_it_was),
		cmocka_unit_test(table_of_the_process_is_ready),
		EACH_GEOM(reader_in_a_reused_node_believes_no_leaf),
		GEOM_TEST(reader_in_a_node_of_another_level_finds_nothing, 57),
		GEOM_TEST(reader_in_a_node_of_another_level_finds_nothing, 48),
		cmocka_unit_test(node_is_never_taken_for_a_mapping),
		EACH_GEOM(
			mapping_that_moves_while_it_is_read_is_looked_up_again),
		EACH_GEOM(reader_sees_what_stays_and_only_what_is),
		EACH_GEOM(child_of_a_fork_can_use_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
