/* SPDX-License-Identifier: MIT */
/*
 * sanitizers.c - a program to be built with a sanitizer and run by mmrun
 *
 * With an argument it uses memory after freeing it, which the sanitizer must
 * report; without one it is correct.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NR_THREADS = 4, ROUNDS = 1000 };

static void *work(void *arg)
{
	size_t sum = 0;

	for (int i = 1; i < ROUNDS; i++) {
		char *p = calloc(1, i);

		memset(p, 1, i);
		p = realloc(p, 2 * i);
		sum += p[i - 1];
		free(p);
	}
	*(size_t *)arg = sum;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[NR_THREADS];
	size_t sums[NR_THREADS], total = 0;
	char *volatile p = malloc(sizeof("stale"));

	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, work, &sums[i]);
	for (int i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], NULL);
		total += sums[i];
	}
	printf("%zu\n", total);
	strcpy(p, "stale");
	free(p);
	if (argc > 1 && !strcmp(argv[1], "bad"))
		printf("%d\n", p[1]);
	return 0;
}
