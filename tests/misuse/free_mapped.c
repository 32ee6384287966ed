/* SPDX-License-Identifier: MIT */
/*
 * free_mapped.c - frees memory of mmap(), twice, and still owns it
 */
#include "misuse.h"

int main(void)
{
	char *p = own_memory(64 * KIB);

	p[100] = 1;
	announce(p, 0, p);
	free(hidden(p));
	free(hidden(p));
	free(malloc(100));
	return p[100] == 1 ? 0 : 1;
}
