/* SPDX-License-Identifier: MIT */
/*
 * double_free_traffic.c - a double free, then 100,000 mixed operations
 *
 * The hot path may let the second free pass; what it must not do is turn a
 * list into a ring that some later call follows forever.
 */
#include "misuse.h"

#define NR_LIVE 512

int main(void)
{
	static void *live[NR_LIVE];
	uint64_t rnd = 2463534242;
	void *p = malloc(64);
	int i;

	announce_block(p);
	free(hidden(p));
	free(hidden(p));
	for (i = 0; i < 100000; i++) {
		void **slot = &live[random_next(&rnd) % NR_LIVE];

		switch (random_next(&rnd) % 4) {
		case 0:
			*slot = realloc(*slot, 1 + random_next(&rnd) % 128);
			break;
		case 1:
			free(*slot);
			*slot = calloc(1, 64);
			break;
		default:
			free(*slot);
			*slot = malloc(49 + random_next(&rnd) % 16);
		}
	}
	for (i = 0; i < NR_LIVE; i++)
		free(live[i]);
	return 0;
}
