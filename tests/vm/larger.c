/* SPDX-License-Identifier: MIT */
/*
 * larger.c - a heap that is larger than the machine's memory
 *
 * usage: larger MIB
 */
#include "../swap/heap.h"

#define BLOCK (256 * KIB)

int main(int argc, char **argv)
{
	size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	struct heap h;

	if (!mib) {
		fprintf(stderr, "usage: larger MIB\n");
		return 2;
	}
	heap_make(&h, (unsigned)(mib * MIB / BLOCK), BLOCK);
	CHECK(!heap_wrong(&h));
	return check_result();
}
