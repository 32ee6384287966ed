/* SPDX-License-Identifier: MIT */
/*
 * maps.c - the process has as many mappings as it may have (max_map_count)
 *
 * What is then mapped anew fails, but the heap can still grow where it is.
 */
#include "check.h"

#define PIECE (40 * KIB)
#define NR    5000
#define MOST  2000000 /* mappings: more than there may be as a rule */
#define PAGE  ((size_t)4096)

int main(void)
{
	static char *block[NR];
	size_t nr = 0;
	char *p;

	free(malloc(PIECE));
	while (nr < MOST &&
	       (p = mmap(NULL, PAGE, nr % 2 ? PROT_READ : PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED)
		nr++;
	if (nr == MOST) {
		printf("skipped: as many mappings as one likes\n");
		return SKIP;
	}
	for (size_t i = 0; i < NR; i++) {
		block[i] = malloc(PIECE);
		if (!block[i]) {
			printf("%zu of %d blocks\n", i, NR);
			return 1;
		}
		memset(block[i], (int)i, PIECE);
	}
	for (size_t i = 0; i < NR; i++) {
		CHECK(block[i][PIECE - 1] == (char)i);
		free(block[i]);
	}
	return check_result();
}
