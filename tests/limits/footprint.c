/* SPDX-License-Identifier: MIT */
/*
 * footprint.c [THREADS] - a small program: 1000 live blocks of 16..2015 bytes
 *
 * And as many threads, one after another, that free what the one before has
 * left, and leave a block.
 *
 * Says that it has them, and waits; footprint.py looks at its memory meanwhile.
 */
#include <pthread.h>

#include "check.h"

#define NR 1000

static void *work(void *left)
{
	free(left);
	return malloc(100);
}

static void start_and_join(int nr)
{
	void *left = NULL;
	pthread_t thread;

	for (; nr; nr--) {
		CHECK(!pthread_create(&thread, NULL, work, left));
		CHECK(!pthread_join(thread, &left));
	}
	free(left);
}

int main(int argc, char **argv)
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
	start_and_join(argc > 1 ? atoi(argv[1]) : 0);
	CHECK(write(1, "\n", 1) == 1);
	CHECK(read(0, &c, 1) == 0);
	return check_result();
}
