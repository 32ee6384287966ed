/* SPDX-License-Identifier: MIT */
/*
 * unit/swap_test.h - pages of many kinds, each known by its number
 */
#ifndef MM_UNIT_SWAP_TEST_H
#define MM_UNIT_SWAP_TEST_H

#include "os/os.h"
#include "swap/store.h"
#include "unit.h"

#define MARKER "plain text that must not be seen in a file"

static struct swap_coder *coder;

/* A generator of its own for each page, so that it can be made again. */
static inline uint64_t step(uint64_t *s)
{
	*s = *s * 6364136223846793005UL + 1442695040888963407UL;
	return *s >> 20;
}

static inline void make_text(char *page, uint64_t *s)
{
	static const char *const words[] = { "page ", "zone ",	  "{\"key\": ",
					     MARKER,  "slab\n",	  "0x7fff00 ",
					     "buddy", " and the " };
	size_t at = 0;

	while (at < PAGE_SIZE) {
		const char *w = words[step(s) % ARRAY_SIZE(words)];
		size_t n = min_size(strlen(w), PAGE_SIZE - at);

		memcpy(page + at, w, n);
		at += n;
		if (at < PAGE_SIZE && step(s) % 2)
			page[at++] = (char)step(s);
	}
}

/* As heaps have them: pointers of one region, small numbers, zeros. */
static inline void make_heap(uint64_t *page, uint64_t *s)
{
	for (size_t i = 0; i < PAGE_SIZE / 8; i++) {
		uint64_t r = step(s);

		page[i] = r % 4 == 0   ? 0x7f1234000000 + r % 0xffffff * 16
			  : r % 4 == 1 ? r % 256
				       : 0;
	}
}

static inline void make_random(uint64_t *page, uint64_t *s)
{
	for (size_t i = 0; i < PAGE_SIZE / 8; i++)
		page[i] = step(s) << 40 ^ step(s) << 20 ^ step(s);
}

enum kind { TEXT, HEAP, SPARSE, RANDOM, FILLED_PAGE, ZERO, NR_KINDS };

static inline void make_page(void *page, enum kind kind, uint64_t nr)
{
	uint64_t s = nr * 0x9e3779b97f4a7c15UL + kind;

	memset(page, 0, PAGE_SIZE);
	switch (kind) {
	case TEXT:
		make_text(page, &s);
		break;
	case HEAP:
		make_heap(page, &s);
		break;
	case SPARSE:
		for (int i = 0; i < 9; i++)
			((char *)page)[step(&s) % PAGE_SIZE] = (char)step(&s);
		((uint64_t *)page)[3] = nr;
		break;
	case RANDOM:
		make_random(page, &s);
		break;
	case FILLED_PAGE:
		page_fill(page, (uint32_t)nr);
		break;
	default:
		break;
	}
}

/* Both ways to store, by turns. */
static inline unsigned how_to_store(uint64_t nr)
{
	return SWAP_ALWAYS | (nr % 2 ? SWAP_QUICKLY : 0);
}

static inline swp_t store_page(enum kind kind, uint64_t nr)
{
	char page[PAGE_SIZE];
	swp_t swp = 0;

	make_page(page, kind, nr);
	assert_int_equal(swap_store(coder, page, how_to_store(nr), &swp), 0);
	assert_true(swp && swp < 1UL << SWP_BITS);
	return swp;
}

/* The error of loading, or 1 if it is another page. */
static inline int load_with(struct swap_coder *c, swp_t swp, enum kind kind,
			    uint64_t nr)
{
	char want[PAGE_SIZE], got[PAGE_SIZE];
	int err = swap_load(c, swp, got, true);

	make_page(want, kind, nr);
	return err ? err : memcmp(want, got, PAGE_SIZE) != 0;
}

static inline void check_page(swp_t swp, enum kind kind, uint64_t nr)
{
	assert_int_equal(load_with(coder, swp, kind, nr), 0);
}

static inline void start_store(const struct swap_config *config)
{
	assert_int_equal(swap_init(config), 0);
	coder = swap_coder_new(true);
	assert_non_null(coder);
}

static inline struct swap_counts counts(void)
{
	struct swap_counts c;

	swap_counts(&c);
	return c;
}

static inline void balance(void)
{
	while (swap_balance(coder, false))
		;
}

/* As if all that is closed had been so for long. */
static inline void settle(void)
{
	struct cluster *first = pool_oldest(LOG_NEW), *cl;

	if (first)
		list_for_each_entry(cl, first->age.prev, age)
			cl->closed_ms = 0;
}

#endif
