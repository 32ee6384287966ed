/* SPDX-License-Identifier: MIT */
/*
 * footprint.c - a small program: 1000 live blocks of 16..2015 bytes
 *
 * Says that it has them, and waits; footprint.py looks at its memory meanwhile.
 */
#include "check.h"

#define NR 1000

int main(void)
{
	static char *p[NR];
	char c;
	int i;

	for (i = 0; i < NR; i++) {
		size_t n = 16 + (size_t)i * 7919 % 2000;

		p[i] = malloc(n);
		CHECK(p[i]);
		memset(p[i], 1, n);
	}
	CHECK(write(1, "\n", 1) == 1);
	CHECK(read(0, &c, 1) == 0);
	return check_result();
}
