// SPDX-License-Identifier: MIT
/*
 * unit/zone_model_test.c - random use of a zone against a bitmap
 *
 * The model knows of each page whose it is. Runs must never overlap, and a run
 * can grow exactly where the model has free pages behind it.
 */
#include <pthread.h>
#include "zone_test.h"

#define NR_RUNS	    300
#define MODEL_PAGES (1U << 22)
#define LONGEST	    3000

struct run {
	pfn_t pfn;
	size_t nr;
};

struct model {
	uint16_t *owner; /* of each page: index of the run + 1, or 0 */
	struct run run[NR_RUNS];
	size_t used;
	struct zone *zone;
	pfn_t base;
};

/* Most are short, as they are in life. */
static size_t rnd_length(void)
{
	size_t most = 1UL << rnd() % 13;

	return min_size(1 + rnd() % most, LONGEST);
}

static void model_set(struct model *md, pfn_t pfn, size_t nr, uint16_t owner)
{
	size_t i = pfn - md->base;

	assert_true(i + nr <= MODEL_PAGES);
	for (size_t k = i; k < i + nr; k++) {
		assert_true(!md->owner[k] != !owner);
		md->owner[k] = owner;
	}
	md->used += owner ? nr : -nr;
}

static bool model_is_free(const struct model *md, pfn_t pfn, size_t nr)
{
	size_t i = pfn - md->base;

	for (size_t k = i; k < i + nr && k < MODEL_PAGES; k++)
		if (md->owner[k])
			return false;
	return true;
}

static void model_alloc(struct model *md, int i)
{
	static const gfp_t flags[] = { GFP_DEFAULT, GFP_TOUCH, GFP_ZERO };
	struct run *r = &md->run[i];
	size_t align = rnd() % 4 ? 1 : 1UL << rnd() % 11;
	gfp_t gfp = flags[rnd() % 3];

	r->nr = rnd_length();
	r->pfn = take_run(r->nr, align, gfp);
	assert_true(r->pfn);
	assert_int_equal(pfn_index(r->pfn) % align, 0);
	assert_ptr_equal(page_zone(r->pfn), md->zone);
	model_set(md, r->pfn, r->nr, (uint16_t)(i + 1));
	if (gfp == GFP_ZERO)
		assert_true(is_zero(pfn_to_addr(r->pfn), PAGE_SIZE));
	if (gfp != GFP_DEFAULT) /* the last page, so that it costs little */
		fill(pfn_to_addr(r->pfn + (pfn_t)r->nr - 1), PAGE_SIZE, 0);
}

static void model_free(struct model *md, struct run *r)
{
	size_t keep = rnd() % 3 ? 0 : rnd() % r->nr;

	/* all of it, or only the tail */
	model_set(md, r->pfn + (pfn_t)keep, r->nr - keep, 0);
	free_run(r->pfn + (pfn_t)keep, r->nr - keep);
	r->nr = keep;
}

static void model_expand(struct model *md, int i)
{
	struct run *r = &md->run[i];
	size_t more = rnd_length();
	pfn_t end = r->pfn + (pfn_t)r->nr;
	bool ok = expand_run(r->pfn, r->nr, more);

	assert_int_equal(ok, model_is_free(md, end, more));
	if (!ok)
		return;
	model_set(md, end, more, (uint16_t)(i + 1));
	r->nr += more;
}

static void model_purge(struct model *md)
{
	size_t nr;
	pfn_t pfn = isolate_dirty(md->zone, 0, 0, &nr);

	if (!pfn)
		return;
	assert_true(model_is_free(md, pfn, nr));
	purge_run(pfn, nr);
	putback_run(pfn, nr);
}

static void model_step(struct model *md)
{
	int i = (int)(rnd() % NR_RUNS);
	struct run *r = &md->run[i];

	if (!r->nr)
		model_alloc(md, i);
	else if (rnd() % 4)
		model_free(md, r);
	else
		model_expand(md, i);
	if (rnd() % 16 == 0)
		model_purge(md);
	assert_int_equal(used_pages(md->zone), md->used);
}

static void start_model(struct model *md)
{
	start_zones(0);
	*md = (struct model){ .zone = highmem() };
	md->base = md->zone->span[0].start;
	md->owner = mmap(NULL, MODEL_PAGES * sizeof(*md->owner),
			 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	assert_true(md->owner != MAP_FAILED);
}

static void random_use_agrees_with_a_bitmap(void)
{
	struct model md;
	uint64_t taken, given;

	seed_rnd(__func__);
	start_model(&md);
	for (int n = 0; n < 30000; n++) {
		model_step(&md);
		if (n % 1000 == 0)
			validate_zone(md.zone);
	}
	/* what was taken and not given back is in use */
	taken = md.zone->stats.n[STAT_pgalloc_highmem];
	given = md.zone->stats.n[STAT_pgfree];
	assert_int_equal(taken - given, md.used);
	for (int i = 0; i < NR_RUNS; i++)
		if (md.run[i].nr)
			free_run(md.run[i].pfn, md.run[i].nr);
	validate_zone(md.zone);
	assert_int_equal(used_pages(md.zone), 0);
}

static void zone_stays_one_mapping_of_the_kernel(void)
{
	const struct window *w = &windows[0];
	unsigned zones = 0, tables;
	struct model md;

	seed_rnd(__func__);
	start_model(&md);
	/* the part that may have huge pages would be a second one */
	mm_options.thp.word = THP_NEVER;
	for (int t = MM_ZONE_DMA; t < MM_NR_ZONES; t++) {
		pfn_t pfn = alloc_run(0, (enum mm_zone_type)t, 8, 1, GFP_TOUCH);

		assert_true(pfn);
		fill(pfn_to_addr(pfn), 8 * PAGE_SIZE, 0);
		if (t != MM_ZONE_HIGHMEM)
			zones++;
		else
			free_run(pfn, 8);
	}
	for (int n = 0; n < 10000; n++)
		model_step(&md);
	assert_true(md.zone->stats.n[STAT_zone_grow] > 5);
	assert_int_equal(count_mappings(w->base, w->base + w->size, false),
			 zones + 1);
	/* three of its tables, slots can be read: at most one more for each */
	tables = count_mappings((uintptr_t)w->slabs, w->base, false);
	assert_in_range(tables, 1, 3 * (zones + 1));
}

/* ---- threads ---- */

#define NR_THREADS 4

static void *use_runs(void *arg)
{
	struct run run[64] = { 0 };

	rnd_state = (uintptr_t)arg;
	for (int n = 0; n < 20000; n++) {
		struct run *r = &run[rnd() % 64];
		char *p;

		if (!r->nr) {
			r->nr = 1 + rnd() % 50;
			r->pfn = take_run(r->nr, 1, GFP_TOUCH);
			if (!r->pfn)
				return arg;
			fill(pfn_to_addr(r->pfn), 64, (uintptr_t)arg);
			continue;
		}
		p = pfn_to_addr(r->pfn);
		if (!is_filled(p, 64, (uintptr_t)arg))
			return arg;
		free_run(r->pfn, r->nr);
		r->nr = 0;
	}
	for (int i = 0; i < 64; i++)
		if (run[i].nr)
			free_run(run[i].pfn, run[i].nr);
	return NULL;
}

static void threads_get_different_runs(void)
{
	pthread_t thread[NR_THREADS];
	void *failed;

	start_zones(0);
	seed_rnd(__func__);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&thread[i], NULL, use_runs, (void *)(rnd() | 1));
	for (int i = 0; i < NR_THREADS; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	validate_all();
	assert_int_equal(used_pages(highmem()), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(random_use_agrees_with_a_bitmap),
		CHILD_TEST(zone_stays_one_mapping_of_the_kernel),
		CHILD_TEST(threads_get_different_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
