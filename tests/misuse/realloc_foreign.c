/* SPDX-License-Identifier: MIT */
/*
 * realloc_foreign.c - reallocs memory of mmap(), twice: NULL, and untouched
 */
#include "misuse.h"

int main(void)
{
	char *p = own_memory(64 * KIB);

	p[100] = 1;
	announce(p, 0, p);
	CHECK(!realloc(hidden(p), 1000));
	CHECK(!realloc(hidden(p), 100000));
	free(malloc(100));
	CHECK(p[100] == 1);
	return check_result();
}
