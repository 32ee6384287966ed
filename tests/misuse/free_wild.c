/* SPDX-License-Identifier: MIT */
/*
 * free_wild.c - frees an address far behind all blocks
 */
#include "misuse.h"

int main(void)
{
	char *p = malloc(100);
	char *wild = (char *)((uintptr_t)p & -(64 * KIB)) + 4 * GIB;

	CHECK(!malloc_usable_size(hidden(wild)));
	announce(wild, 0, wild);
	free(hidden(wild));
	free(p);
	return check_result();
}
