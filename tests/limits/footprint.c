/* SPDX-License-Identifier: MIT */
/*
 * footprint.c - a small program: 1000 live blocks of 16..2015 bytes
 *
 * Prints the peak of its resident memory in KiB; footprint.py compares.
 */
#include "check.h"

#define NR 1000

int main(void)
{
	static char *p[NR];
	size_t peak, now;
	int i;

	for (i = 0; i < NR; i++) {
		size_t n = 16 + (size_t)i * 7919 % 2000;

		p[i] = malloc(n);
		CHECK(p[i]);
		memset(p[i], 1, n);
	}
	/* Older kernels count the peak in coarse steps; the sum is exact. */
	peak = proc_number("/proc/self/status", "\nVmHWM");
	now = rss_bytes() / KIB;
	printf("%zu\n", peak > now ? peak : now);
	return check_result();
}
