/* SPDX-License-Identifier: MIT */
/*
 * semantics.c - glibc's answers at the corners of malloc, realloc and free
 */
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"

#define MARK 4711 /* an errno that nobody sets */

/* Sizes the compiler must not know, or it warns and folds. */
static volatile size_t too_big = (size_t)PTRDIFF_MAX + 1;
static volatile size_t zero;

static void malloc_of_zero_is_unique_and_freeable(void)
{
	void *p[64];
	int i, j;

	for (i = 0; i < 64; i++) {
		p[i] = i % 2 ? malloc(zero) : calloc(zero, 8);
		CHECK(p[i]);
		for (j = 0; j < i; j++)
			CHECK(p[i] != p[j]);
	}
	for (i = 0; i < 64; i++)
		free(p[i]);
}

static void free_of_null_does_nothing(void)
{
	errno = MARK;
	free(NULL);
	CHECK(errno == MARK);
	CHECK(malloc_usable_size(NULL) == 0);
}

static void realloc_to_zero_frees(void)
{
	static const size_t sizes[] = { 1, 100, 5000, 100000, 3 << 20 };
	size_t rss = 0, i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		CHECK(!realloc(malloc(sizes[i]), zero));
	/* If it did not free, 1 GiB would be left behind. */
	for (i = 0; i < 1024; i++) {
		char *p = malloc(MIB);

		CHECK(p);
		memset(p, 1, MIB);
		CHECK(!realloc(p, zero));
		if (i == 16)
			rss = rss_bytes();
	}
	CHECK(rss_bytes() < rss + 64 * MIB);
}

static void realloc_of_null_allocates(void)
{
	char *p = realloc(NULL, 100), *q = realloc(NULL, zero);

	CHECK(p && q && p != q);
	memset(p, 1, 100);
	free(p);
	free(q);
}

static void reallocarray_moves_contents(void)
{
	char *p = reallocarray(NULL, 10, 10);

	CHECK(p);
	pattern_fill(p, 100, 1);
	p = reallocarray(p, 1000, 1000);
	CHECK(p && pattern_intact(p, 100, 1));
	CHECK(!reallocarray(p, zero, 8));
}

/* Every way to ask for too much: NULL and ENOMEM. */
#define CHECK_ENOMEM(call)                                                     \
	do {                                                                   \
		errno = 0;                                                     \
		CHECK(!(call));                                                \
		CHECK(errno == ENOMEM);                                        \
	} while (0)

static void too_large_sizes_are_enomem(void)
{
	void *p = malloc(100), *out = &p;
	size_t back;

	pattern_fill(p, 100, 2);
	for (back = 0; back < 1 << 13; back += 509) {
		volatile size_t n = SIZE_MAX - back;

		CHECK_ENOMEM(malloc(n));
		CHECK_ENOMEM(calloc(n, 1));
		CHECK_ENOMEM(calloc(1, n));
		CHECK_ENOMEM(realloc(p, n));
		CHECK_ENOMEM(realloc(NULL, n));
		CHECK_ENOMEM(reallocarray(p, n, 1));
		CHECK_ENOMEM(memalign(64, n));
		CHECK_ENOMEM(aligned_alloc(64, n));
		CHECK_ENOMEM(valloc(n));
		CHECK_ENOMEM(pvalloc(n));
		CHECK(posix_memalign(&out, 64, n) == ENOMEM && out == &p);
	}
	CHECK_ENOMEM(malloc(too_big));
	CHECK_ENOMEM(realloc(p, too_big));
	CHECK_ENOMEM(memalign(64, too_big));
	CHECK_ENOMEM(malloc(too_big - 1)); /* allowed, yet nobody has it */
	CHECK(pattern_intact(p, 100, 2));
	free(p);
}

static void products_that_overflow_are_enomem(void)
{
	volatile size_t half = (size_t)1 << 32, odd = SIZE_MAX / 3;
	void *p = malloc(100);

	pattern_fill(p, 100, 3);
	CHECK_ENOMEM(calloc(half, half));
	CHECK_ENOMEM(calloc(half, half + 1));
	CHECK_ENOMEM(calloc(odd, 4));
	CHECK_ENOMEM(calloc(too_big, 2));
	CHECK_ENOMEM(reallocarray(p, half, half));
	CHECK_ENOMEM(reallocarray(p, odd, 4));
	CHECK_ENOMEM(reallocarray(NULL, half, half + 1));
	CHECK(pattern_intact(p, 100, 3));
	free(p);
}

static void success_and_free_leave_errno_alone(void)
{
	size_t n, step;
	void *p, *q;

	for (step = 0; step < 8 * 40; step++) {
		n = ((size_t)8 + step % 8) << (step / 8 % 24);
		errno = MARK;
		p = malloc(n);
		CHECK(p && errno == MARK);
		q = calloc(1, n);
		CHECK(q && errno == MARK);
		p = realloc(p, n * 3);
		CHECK(p && errno == MARK);
		p = realloc(p, n / 3 + 1);
		CHECK(p && errno == MARK);
		free(p);
		CHECK(errno == MARK);
		free(q);
		CHECK(errno == MARK);
		CHECK(!posix_memalign(&p, 4096, n) && errno == MARK);
		free(p);
		CHECK(errno == MARK);
	}
}

static void every_usable_byte_is_writable(void)
{
	void *p[400];
	size_t n[400], i;

	for (i = 0; i < 400; i++) {
		size_t want = ((size_t)16 + i % 16) << (i / 16);

		if (want > 64 * MIB)
			want = i;
		p[i] = malloc(want);
		n[i] = malloc_usable_size(p[i]);
		CHECK(p[i] && n[i] >= want);
		CHECK(aligned_to(p[i], want < 16 ? 8 : 16));
		n[i] = n[i] > MIB ? MIB : n[i];
		pattern_fill((char *)p[i] + malloc_usable_size(p[i]) - n[i],
			     n[i], i);
	}
	for (i = 0; i < 400; i++) {
		CHECK(pattern_intact((char *)p[i] + malloc_usable_size(p[i]) -
					     n[i],
				     n[i], i));
		free(p[i]);
	}
}

int main(void)
{
	malloc_of_zero_is_unique_and_freeable();
	free_of_null_does_nothing();
	realloc_to_zero_frees();
	realloc_of_null_allocates();
	reallocarray_moves_contents();
	too_large_sizes_are_enomem();
	products_that_overflow_are_enomem();
	success_and_free_leave_errno_alone();
	every_usable_byte_is_writable();
	return check_result();
}
