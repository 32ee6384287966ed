/* SPDX-License-Identifier: MIT */
/*
 * simple - blocks of one small size, 25 to 1600 alive, by one thread
 *
 * Fills an array and empties it again, half the time in the same order and
 * half in reverse; every byte is written. Nothing but the fast path.
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define LIVE_MAX 1600

static long ops = 20000000, size = 16;

static void fill_and_empty(void **blocks, long live, int reverse)
{
	for (long i = 0; i < live; i++) {
		blocks[i] = xmalloc((size_t)size);
		memset(blocks[i], (int)i, (size_t)size);
	}
	for (long i = 0; i < live; i++)
		free(blocks[reverse ? live - 1 - i : i]);
}

int main(int argc, char **argv)
{
	const struct param params[] = { { "ops", &ops }, { "size", &size } };
	static const long lives[] = { 25, 100, 400, LIVE_MAX };
	static void *blocks[LIVE_MAX];
	double t0;

	params_parse(argc, argv, params, NR_PARAMS(params));
	t0 = now_seconds();
	for (size_t n = 0; n < NR_PARAMS(lives); n++)
		for (long i = 0; i < ops / 4 / lives[n]; i++)
			fill_and_empty(blocks, lives[n], (int)(i % 2));
	report("simple", (double)ops, now_seconds() - t0);
	return 0;
}
