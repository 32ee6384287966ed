/* SPDX-License-Identifier: MIT */
/*
 * free_inside.c SIZE OFFSET - frees an address inside a block
 */
#include "misuse.h"

int main(int argc, char **argv)
{
	size_t offset;
	char *p;

	if (argc != 3)
		return 2;
	p = malloc(strtoul(argv[1], NULL, 0));
	offset = strtoul(argv[2], NULL, 0);
	announce(p + offset, malloc_usable_size(p), p);
	free(hidden(p + offset));
	return 0;
}
