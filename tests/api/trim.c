/* SPDX-License-Identifier: MIT */
/*
 * trim.c - malloc_trim(0) gives free memory back, and takes nothing live
 */
#include <malloc.h>
#include <stdint.h>

#include "check.h"

#define TOTAL (256 * MIB)
#define LEFT  (6 * MIB) /* what may stay of it: caches, tables */

static void trim_after(size_t size)
{
	size_t count = TOTAL / size, base, full, i;
	char **p = own_memory(count * sizeof(*p));

	memset(p, 1, count * sizeof(*p)); /* counted before, not after */
	malloc_trim(0);
	base = rss_bytes();
	for (i = 0; i < count; i++) {
		p[i] = malloc(size);
		CHECK(p[i]);
		pattern_fill(p[i], size, i);
	}
	full = rss_bytes();
	CHECK(full > base + TOTAL / 2);
	for (i = 1; i < count; i++)
		free(p[i]);
	i = (size_t)malloc_trim(0);
	CHECK(i == 0 || i == 1);
	full = rss_bytes();
	if (full >= base + size + LEFT)
		fprintf(stderr, "%zu B blocks: %zu KiB stay\n", size,
			(full - base) / KIB);
	CHECK(full < base + size + LEFT);
	CHECK(pattern_intact(p[0], size, 0));
	free(p[0]);
	munmap(p, count * sizeof(*p));
}

int main(void)
{
	free(malloc(100));
	trim_after(64);
	trim_after(1000);
	trim_after(8 * KIB);
	trim_after(40 * KIB);
	trim_after(3 * MIB);
	trim_after(64 * MIB);
	return check_result();
}
