/* SPDX-License-Identifier: MIT */
/*
 * aligned.c - the five ways to ask for an alignment, 1 byte to 64 MiB
 */
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"

#define MAX_ALIGN (64 * MIB)

static const size_t sizes[] = {
	0,     1,     16,     17,      100,	1000,	       4096,	5000,
	65536, 70000, 300000, 1 << 20, 5000000, (4 << 20) + 1, 9 << 20,
};
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void check_block(void *p, size_t align, size_t n)
{
	size_t usable = malloc_usable_size(p);

	CHECK(p && aligned_to(p, align) && usable >= n);
	if (p && usable) {
		((char *)p)[usable - 1] = 1;
		pattern_fill(p, n, align);
	}
}

static void every_alignment_is_honoured(void)
{
	size_t align, i;
	void *p[4];

	for (align = sizeof(void *); align <= MAX_ALIGN; align *= 2) {
		for (i = 0; i < NR_SIZES; i++) {
			size_t n = sizes[i], k;

			p[0] = memalign(align, n);
			p[1] = aligned_alloc(align, n);
			CHECK(!posix_memalign(&p[2], align, n));
			p[3] = memalign(align, n + 1);
			for (k = 0; k < 4; k++)
				check_block(p[k], align, n);
			for (k = 0; k < 4; k++)
				CHECK(pattern_intact(p[k], n, align) || !n);
			for (k = 0; k < 4; k++)
				free(p[(k + align) % 4]);
		}
	}
}

/* Many at once, so that neighbours would be seen to overlap. */
static void aligned_blocks_do_not_overlap(void)
{
	enum { NR = 600 };
	static void *p[NR];
	static size_t size[NR];
	uint64_t rnd = 88172645463325252u;
	int i, round;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < NR; i++) {
			size_t align = (size_t)16 << random_next(&rnd) % 12;

			size[i] = random_next(&rnd) % (i % 8 ? 3000 : 90000);
			p[i] = memalign(align, size[i]);
			CHECK(p[i] && aligned_to(p[i], align));
			pattern_fill(p[i], size[i], (uint64_t)i);
		}
		for (i = 0; i < NR; i++) {
			CHECK(pattern_intact(p[i], size[i], (uint64_t)i));
			free(p[i]);
		}
	}
}

static void realloc_takes_aligned_blocks(void)
{
	size_t align, n = 0;

	for (align = 16; align <= 4 * MIB; align *= 2) {
		char *p = memalign(align, 5000);

		check_block(p, align, 5000);
		for (n = 10000; n < 8 * MIB; n *= 3) {
			p = realloc(p, n);
			CHECK(p && pattern_intact(p, 5000, align));
			memset(p + 5000, 1, n - 5000);
		}
		p = realloc(p, 100);
		CHECK(p && pattern_intact(p, 96, align));
		free(p);
	}
}

static void posix_memalign_refuses_bad_alignments(void)
{
	static const size_t bad[] = { 0, 1,  2,	 3,    4,	 7,
				      9, 12, 24, 4097, 3 * 4096, SIZE_MAX };
	void *p = &p;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		volatile size_t align = bad[i];

		CHECK(posix_memalign(&p, align, 100) == EINVAL && p == &p);
	}
}

/*
 * memalign rounds an alignment up to a power of two. aligned_alloc did the
 * same until glibc 2.38 and answers EINVAL since; both are right.
 */
static void odd_alignments_follow_glibc(void)
{
	static const size_t odd[] = { 0, 1, 3, 24, 48, 100, 5000, 70000 };
	size_t i;

	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		volatile size_t align = odd[i];
		size_t up = 1;
		void *p = memalign(align, 100), *q;

		while (up < align)
			up *= 2;
		CHECK(p && aligned_to(p, up));
		free(p);
		errno = 0;
		q = aligned_alloc(align, 100);
		CHECK(q ? aligned_to(q, up) : errno == EINVAL);
		free(q);
	}
}

static void alignments_above_half_the_address_space_are_einval(void)
{
	volatile size_t align = SIZE_MAX / 2 + 2;

	errno = 0;
	CHECK(!memalign(align, 1) && errno == EINVAL);
	errno = 0;
	CHECK(!aligned_alloc(align, 1) && errno == EINVAL);
	align = SIZE_MAX / 2 + 1; /* a power of two, but nobody has it */
	errno = 0;
	CHECK(!memalign(align, 1) && errno == ENOMEM);
}

static void valloc_and_pvalloc_give_pages(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), i;
	void *p, *q;

	for (i = 0; i < NR_SIZES; i++) {
		size_t n = sizes[i], up = (n + page - 1) / page * page;

		p = valloc(n);
		q = pvalloc(n);
		check_block(p, page, n);
		check_block(q, page, up);
		free(p);
		free(q);
	}
}

int main(void)
{
	every_alignment_is_honoured();
	aligned_blocks_do_not_overlap();
	realloc_takes_aligned_blocks();
	posix_memalign_refuses_bad_alignments();
	odd_alignments_follow_glibc();
	alignments_above_half_the_address_space_are_einval();
	valloc_and_pvalloc_give_pages();
	return check_result();
}
