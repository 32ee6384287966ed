// SPDX-License-Identifier: MIT
/*
 * swap: the store without a file. The figures it prints are not judged.
 */
#include <pthread.h>
#include "swap_test.h"

#define NR 20000

struct kept {
	swp_t swp;
	enum kind kind;
	uint64_t nr;
};

static struct kept kept[NR];

static const struct swap_config pool_only = { .pool_max = MIB(64) };

static void fill_store(size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct kept *k = &kept[i];

		k->kind = rnd() % NR_KINDS;
		k->nr = rnd();
		k->swp = store_page(k->kind, k->nr);
	}
}

static void check_kept(size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (kept[i].swp)
			check_page(kept[i].swp, kept[i].kind, kept[i].nr);
}

static void shuffle(size_t nr)
{
	for (size_t i = nr - 1; i > 0; i--) {
		size_t j = rnd() % (i + 1);
		struct kept k = kept[i];

		kept[i] = kept[j];
		kept[j] = k;
	}
}

static void drop(struct kept *k)
{
	if (rnd() % 2)
		swap_free(k->swp);
	else
		swap_free_later(k->swp);
	k->swp = 0;
}

/* Closed clusters: a tenth dead at most; the two heads are not counted. */
static void assert_little_waste(void)
{
	struct swap_counts c = counts();

	assert_true(c.pool_bytes <= c.pool_live * 10 / 9 + 3 * CLUSTER_BYTES);
}

static void what_is_stored_is_loaded(void)
{
	start_store(&pool_only);
	fill_store(NR);
	check_kept(NR);
	shuffle(NR);
	for (size_t i = 0; i < NR; i++) {
		drop(&kept[i]);
		if (i % 1000)
			continue;
		balance();
		assert_little_waste();
		check_kept(NR);
	}
	balance();
	assert_int_equal(counts().pages, 0);
	assert_int_equal(counts().pool_pages, 0);
	assert_int_equal(counts().zstd_pages, 0);
	assert_int_equal(counts().coded_bytes, 0);
	assert_int_equal(counts().pool_live, 0);
	assert_true(counts().pool_bytes <= 2 * CLUSTER_BYTES);
}

static void pages_come_and_go_for_long(void)
{
	start_store(&pool_only);
	fill_store(NR / 4);
	for (size_t i = 0; i < 100000; i++) {
		struct kept *k = &kept[rnd() % (NR / 4)];

		drop(k);
		k->kind = rnd() % NR_KINDS;
		k->nr = rnd();
		k->swp = store_page(k->kind, k->nr);
		if (i % 500 == 0) {
			balance();
			assert_little_waste();
			if (i % 10000 == 0)
				settle();
			swap_balance(coder, true);
		}
	}
	check_kept(NR / 4);
	assert_true(counts().packed > 0);
	assert_true(counts().zstd_pages > 0);
}

static void same_filled_pages_cost_nothing(void)
{
	start_store(&pool_only);
	for (uint32_t i = 0; i < 1000; i++) {
		swp_t swp = store_page(FILLED_PAGE, i * 4294967U);

		assert_true(swp == swap_filled(i * 4294967U));
		check_page(swp, FILLED_PAGE, i * 4294967U);
		swap_free(swp);
		swap_free_later(swp);
	}
	assert_int_equal(counts().pages, 0);
	assert_int_equal(swap_pool_bytes(), 0);
}

static void random_bytes_are_too_big(void)
{
	char page[PAGE_SIZE];
	swp_t swp = 0;

	start_store(&pool_only);
	make_page(page, RANDOM, 1);
	assert_int_equal(swap_store(coder, page, 0, &swp), -E2BIG);
	assert_int_equal(counts().pages, 0);
	assert_int_equal(swap_store(coder, page, SWAP_ALWAYS, &swp), 0);
	check_page(swp, RANDOM, 1);
	assert_true(counts().coded_bytes > PAGE_SIZE);
}

static void a_full_pool_says_so_and_keeps_what_it_has(void)
{
	const struct swap_config small = { .pool_max = MIB(2) };
	char page[PAGE_SIZE];
	size_t nr = 0;
	int err = 0;

	start_store(&small);
	while (!err) {
		assert_true(nr < NR);
		kept[nr] = (struct kept){ 0, RANDOM, nr };
		make_page(page, RANDOM, nr);
		err = swap_store(coder, page, SWAP_ALWAYS, &kept[nr].swp);
		nr += !err;
	}
	assert_int_equal(err, -ENOSPC);
	assert_false(swap_room());
	assert_true(nr * PAGE_SIZE > MIB(2) * 9 / 10);
	assert_true(swap_pool_bytes() <= MIB(2));
	check_kept(nr);
	for (size_t i = 0; i < nr; i += 2)
		drop(&kept[i]);
	balance();
	assert_true(swap_room());
	check_page(store_page(TEXT, 7), TEXT, 7);
	check_kept(nr);
}

static size_t bytes_stored(unsigned how)
{
	char page[PAGE_SIZE], got[PAGE_SIZE];
	swp_t swp[300];
	size_t bytes;

	for (size_t i = 0; i < 300; i++) {
		make_page(page, i % 2 ? TEXT : HEAP, i);
		assert_int_equal(swap_store(coder, page, how, &swp[i]), 0);
	}
	bytes = counts().coded_bytes;
	for (size_t i = 0; i < 300; i++) {
		make_page(page, i % 2 ? TEXT : HEAP, i);
		assert_int_equal(swap_load(coder, swp[i], got, true), 0);
		assert_memory_equal(page, got, PAGE_SIZE);
		swap_free(swp[i]);
	}
	return bytes;
}

static void zstd_packs_more_tightly_than_what_is_quick(void)
{
	start_store(&pool_only);
	assert_true(bytes_stored(0) < bytes_stored(SWAP_QUICKLY));
}

static void zstd_makes_old_pages_smaller(void)
{
	struct swap_counts before;

	start_store(&pool_only);
	for (size_t i = 0; i < 5000; i++)
		kept[i] = (struct kept){ store_page(i % 3, i), i % 3, i };
	assert_false(swap_balance(coder, true)); /* too young */
	before = counts();
	settle();
	while (swap_balance(coder, true))
		;
	assert_true(counts().zstd_pages > 3000);
	assert_int_equal(counts().pages, before.pages);
	assert_true(counts().coded_bytes < before.coded_bytes);
	assert_little_waste();
	check_kept(5000);
	print_message("by turns LZ4 and zstd -1 %.2f, then zstd 1 %.2f\n",
		      5000.0 * PAGE_SIZE / (double)before.coded_bytes,
		      5000.0 * PAGE_SIZE / (double)counts().coded_bytes);
	while (swap_balance(coder, true))
		;
	for (size_t i = 0; i < 5000; i++)
		drop(&kept[i]);
	balance();
	assert_int_equal(counts().coded_bytes, 0);
}

/* ---- at the same time ---- */

#define NR_LOADED 2000

static uint32_t stop;

static void *load_all_the_time(void *arg)
{
	struct swap_coder *c = swap_coder_new(false);
	uintptr_t errors = 0;

	rnd_state = (uintptr_t)arg;
	while (!READ_ONCE(stop)) {
		const struct kept *k = &kept[rnd() % NR_LOADED];

		errors += load_with(c, k->swp, k->kind, k->nr) != 0;
	}
	return (void *)errors;
}

static void *free_all_the_time(void *arg)
{
	swp_t *mailbox = arg;

	while (!READ_ONCE(stop)) {
		swp_t swp = __atomic_exchange_n(mailbox, 0, __ATOMIC_ACQUIRE);

		if (swp && swp % 2)
			swap_free(swp);
		else if (swp)
			swap_free_later(swp);
	}
	return NULL;
}

static void loads_go_on_while_the_store_changes(void)
{
	pthread_t threads[3];
	swp_t mailbox = 0;
	void *errors;

	start_store(&pool_only);
	fill_store(NR);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, load_all_the_time,
			       (void *)(rnd() | 1));
	pthread_create(&threads[2], NULL, free_all_the_time, &mailbox);
	for (size_t i = 0; i < (SANITIZED ? 20000 : 100000); i++) {
		struct kept *k = &kept[NR_LOADED + rnd() % (NR - NR_LOADED)];
		swp_t none = 0;

		if (!__atomic_compare_exchange_n(&mailbox, &none, k->swp, false,
						 __ATOMIC_RELEASE,
						 __ATOMIC_RELAXED))
			swap_free(k->swp);
		k->kind = rnd() % NR_KINDS;
		k->nr = rnd();
		k->swp = store_page(k->kind, k->nr);
		if (i % 5000 == 0)
			settle();
		if (i % 50 == 0)
			swap_balance(coder, i % 100 == 0);
	}
	WRITE_ONCE(stop, 1);
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], &errors);
		assert_null(errors);
	}
	check_kept(NR);
	assert_true(counts().packed > 0);
}

/* ---- what must not happen ---- */

static struct entry *entry_of(swp_t swp)
{
	uint64_t word = slot_word((uint32_t)swp);

	return (struct entry *)(cluster_memory(cluster_at(word_cluster(word))) +
				word_offset(word));
}

static void a_flipped_bit_is_found(void)
{
	start_store(&pool_only);
	fill_store(2000);
	for (size_t i = 0; i < 2000; i++) {
		const struct kept *k = &kept[i];
		size_t bit, size;
		char *e;

		if (k->swp >> (SWP_BITS - 1))
			continue;
		e = (char *)entry_of(k->swp);
		size = sizeof(struct entry) + entry_of(k->swp)->bytes;
		bit = rnd() % (size * 8);
		e[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(load_with(coder, k->swp, k->kind, k->nr),
				 -EBADMSG);
		e[bit / 8] ^= (char)(1 << bit % 8);
		check_page(k->swp, k->kind, k->nr);
	}
	assert_int_equal(load_with(coder, 0, ZERO, 0), -EBADMSG);
	assert_int_equal(load_with(coder, 123456789, ZERO, 0), -EBADMSG);
}

/* The headers are how packing finds its way; the words are what counts. */
static void broken_headers_lose_nothing_else(void)
{
	start_store(&pool_only);
	for (size_t i = 0; i < 4000; i++)
		kept[i] = (struct kept){ store_page(HEAP, i), HEAP, i };
	for (size_t i = 0; i < 4000; i += 400)
		entry_of(kept[i].swp)->bytes = 0xffff;
	for (size_t i = 1; i < 4000; i++) {
		if (i % 400 == 0 || i % 3 == 0)
			continue;
		swap_free(kept[i].swp);
		kept[i].swp = 0;
	}
	balance();
	settle();
	while (swap_balance(coder, true))
		;
	for (size_t i = 0; i < 4000; i++) {
		struct kept *k = &kept[i];

		if (i % 400 == 0)
			assert_int_equal(load_with(coder, k->swp, HEAP, i),
					 -EBADMSG);
		else if (k->swp)
			check_page(k->swp, HEAP, i);
		if (k->swp)
			swap_free(k->swp);
	}
	assert_int_equal(counts().pages, 0);
	assert_true(counts().pool_bytes <= 2 * CLUSTER_BYTES);
}

/* ---- figures ---- */

static double us_each(uint64_t *since, size_t nr)
{
	struct timespec ts;
	uint64_t now, before = *since;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	*since = now;
	return (double)(now - before) / 1e3 / (double)nr;
}

static void figures(void)
{
	static char pages[2000][PAGE_SIZE];
	char page[PAGE_SIZE];
	uint64_t t = 0;
	double store, load, recode, reload;

	start_store(&pool_only);
	for (size_t i = 0; i < 2000; i++)
		make_page(pages[i], i % 2 ? TEXT : HEAP, i);
	us_each(&t, 1);
	for (size_t i = 0; i < 2000; i++)
		swap_store(coder, pages[i], SWAP_ALWAYS | SWAP_QUICKLY,
			   &kept[i].swp);
	store = us_each(&t, 2000);
	for (size_t i = 0; i < 2000; i++)
		swap_load(coder, kept[i].swp, page, true);
	load = us_each(&t, 2000);
	settle();
	us_each(&t, 1);
	while (swap_balance(coder, true))
		;
	recode = us_each(&t, counts().zstd_pages);
	for (size_t i = 0; i < 2000; i++)
		swap_load(coder, kept[i].swp, page, true);
	reload = us_each(&t, 2000);
	print_message(
		"us a page: LZ4 store %.1f, load %.1f; recode %.1f, load %.1f (%zu of 2000 by zstd)\n",
		store, load, recode, reload, counts().zstd_pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(what_is_stored_is_loaded),
		CHILD_TEST(pages_come_and_go_for_long),
		CHILD_TEST(same_filled_pages_cost_nothing),
		CHILD_TEST(random_bytes_are_too_big),
		CHILD_TEST(a_full_pool_says_so_and_keeps_what_it_has),
		CHILD_TEST(zstd_packs_more_tightly_than_what_is_quick),
		CHILD_TEST(zstd_makes_old_pages_smaller),
		CHILD_TEST(loads_go_on_while_the_store_changes),
		CHILD_TEST(a_flipped_bit_is_found),
		CHILD_TEST(broken_headers_lose_nothing_else),
		CHILD_TEST(figures),
	};

	seed_rnd("swap_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
