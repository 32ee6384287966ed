/* SPDX-License-Identifier: MIT */
/*
 * fork_streams.c - fork, while other threads use streams
 *
 * One flushes all: it holds the list of streams and wants each of them. Others
 * read and write lines: they hold a stream and allocate. A fork that takes
 * malloc's locks before that of the list never ends.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define NR_THREADS 3
#define LINE	   300000 /* what takes locks */
#define PAUSE_US   50	  /* or nobody else ever gets a stream */

static int stop;

static int stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void *flush(void *arg)
{
	(void)arg;
	while (!stopped()) {
		fflush(NULL);
		usleep(PAUSE_US);
	}
	return NULL;
}

static void *read_lines(void *arg)
{
	FILE *f = tmpfile();

	(void)arg;
	CHECK(f);
	for (int i = 0; f && i < 4; i++)
		fprintf(f, "%*d\n", LINE + i, i);
	while (f && !stopped()) {
		char *line = NULL;
		size_t n = 0;

		rewind(f);
		while (getline(&line, &n, f) > 0) {
			free(line);
			line = NULL;
			n = 0;
			usleep(PAUSE_US);
		}
		free(line);
	}
	if (f)
		fclose(f);
	return NULL;
}

int main(int argc, char **argv)
{
	int nr = argc > 1 ? atoi(argv[1]) : 500;
	pthread_t t[NR_THREADS + 1];

	CHECK(!pthread_create(&t[0], NULL, flush, NULL));
	for (int i = 1; i <= NR_THREADS; i++)
		CHECK(!pthread_create(&t[i], NULL, read_lines, NULL));
	for (int i = 0; i < nr; i++) {
		int status = -1;
		pid_t pid = fork();

		if (!pid) {
			FILE *f = fopen("/dev/null", "w");

			free(malloc(1000));
			_exit(!f || fclose(f));
		}
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && !status);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i <= NR_THREADS; i++)
		pthread_join(t[i], NULL);
	return check_result();
}
