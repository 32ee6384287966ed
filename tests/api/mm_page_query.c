/* SPDX-License-Identifier: MIT */
/*
 * mm_page_query.c - any address may be asked about, and asking touches nothing
 */
#include <malloc.h>
#include <stdint.h>

#include "check.h"
#include "mm/mm.h"

static __typeof__(mm_page_query) *query;
static int a_static;

static struct mm_page_info asked(const void *p)
{
	struct mm_page_info info;

	memset(&info, 0x5a, sizeof(info));
	CHECK(query(p, &info) == 0);
	return info;
}

static void expect_foreign(const void *p)
{
	struct mm_page_info info = asked(p);

	CHECK(info.kind == MM_KIND_NONE && info.state == MM_PAGE_NONE);
	CHECK(info.node == -1 && info.order == -1 && info.owner == 0);
	CHECK(!info.block && !info.block_size);
}

static void foreign_addresses_are_none(void)
{
	char on_stack;
	char *mapped = own_memory(4096);
	unsigned bit;

	CHECK(query(&on_stack, NULL) == -EINVAL);
	expect_foreign(NULL);
	expect_foreign(&on_stack);
	expect_foreign(&a_static);
	expect_foreign((void *)(uintptr_t)foreign_addresses_are_none);
	expect_foreign(mapped);
	munmap(mapped, 4096);
	expect_foreign(mapped);
	/* Not canonical, kernel half, the very end. */
	for (bit = 48; bit < 64; bit++)
		expect_foreign((void *)((uintptr_t)1 << bit));
	expect_foreign((void *)UINTPTR_MAX);
}

static void expect_block(char *p, size_t at, enum mm_page_kind kind)
{
	struct mm_page_info info = asked(p + at);

	CHECK(info.kind == kind);
	CHECK(info.state != MM_PAGE_NONE);
	CHECK(info.block == p);
	CHECK(info.block_size == malloc_usable_size(p));
	CHECK(info.node >= 0 && info.order == -1);
	CHECK(info.zone == MM_ZONE_HIGHMEM);
}

static void interior_pointers_lead_to_the_object(void)
{
	size_t n;

	for (n = 1; n <= 2048; n += n / 8 + 1) {
		char *p = malloc(n);

		memset(p, 1, n);
		expect_block(p, 0, MM_KIND_SLAB);
		expect_block(p, n / 2, MM_KIND_SLAB);
		expect_block(p, malloc_usable_size(p) - 1, MM_KIND_SLAB);
		CHECK(asked(p).owner != 0);
		free(p);
		CHECK(asked(p).block != p || asked(p).kind != MM_KIND_LARGE);
	}
}

static void big_blocks_are_found_from_every_page(enum mm_page_kind kind,
						 size_t n)
{
	struct mm_page_info info;
	char *p = malloc(n);
	size_t at;

	CHECK(p);
	memset(p, 1, 4096);
	for (at = 0; at < n; at += 61 * 4096 + 123)
		expect_block(p, at, kind);
	expect_block(p, n - 1, kind);
	free(p);
	info = asked(p);
	CHECK(info.kind != kind && !info.block && !info.block_size);
	CHECK(info.kind == MM_KIND_FREE || info.kind == MM_KIND_PCP ||
	      info.kind == MM_KIND_NONE);
}

/* Pages of [p, p + n) with memory behind them, as the kernel has it. */
static size_t resident_pages(char *p, size_t n)
{
	size_t nr = n / 4096, i, sum = 0;
	unsigned char *vec = own_memory(nr);
	char *start = (char *)(((uintptr_t)p + 4095) & ~(uintptr_t)4095);

	if (mincore(start, (nr - 1) * 4096, vec) < 0)
		perror("mincore");
	for (i = 0; i < nr - 1; i++)
		sum += vec[i] & 1;
	munmap(vec, nr);
	return sum;
}

static void asking_faults_nothing_in(size_t n)
{
	char *p = malloc(n);
	size_t at, before;

	CHECK(p);
	before = resident_pages(p, n);
	for (at = 0; at < n; at += 4096)
		CHECK(asked(p + at).block == p);
	CHECK(resident_pages(p, n) == before);
	free(p);
}

int main(void)
{
	*(void **)&query = mm_symbol("mm_page_query");
	if (!query) {
		puts("SKIP: mm_page_query() is libmm's, and is not preloaded");
		return check_failures ? 1 : SKIP;
	}
	foreign_addresses_are_none();
	interior_pointers_lead_to_the_object();
	big_blocks_are_found_from_every_page(MM_KIND_LARGE, 100 * KIB);
	big_blocks_are_found_from_every_page(MM_KIND_LARGE, 3 * MIB);
	big_blocks_are_found_from_every_page(MM_KIND_VMA, 200 * MIB);
	asking_faults_nothing_in(100 * KIB);
	asking_faults_nothing_in(3 * MIB);
	asking_faults_nothing_in(200 * MIB);
	return check_result();
}
