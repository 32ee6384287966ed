/* SPDX-License-Identifier: MIT */
/*
 * fork_workers.c - a fork handler that waits for threads to end
 *
 * As libraries have it that keep workers: before a fork they end, allocating
 * and freeing up to the last moment, after it they start again. If malloc's
 * locks were held by then, none of it would ever go on.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define NR_WORKERS 4

static pthread_t worker[NR_WORKERS];
static int stop;

static void *work(void *arg)
{
	static const size_t size[] = { 16, 5000, 100000, 3000000 };

	(void)arg;
	for (size_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		free(malloc(size[i % 4]));
		usleep(100);
	}
	for (size_t i = 0; i < 4; i++)
		free(malloc(size[i]));
	return NULL;
}

static void start(void)
{
	stop = 0;
	for (int i = 0; i < NR_WORKERS; i++)
		CHECK(!pthread_create(&worker[i], NULL, work, NULL));
}

static void end(void)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < NR_WORKERS; i++)
		CHECK(!pthread_join(worker[i], NULL));
}

__attribute__((constructor)) static void at_load(void)
{
	pthread_atfork(end, start, NULL);
	start();
}

int main(int argc, char **argv)
{
	int nr = argc > 1 ? atoi(argv[1]) : 100;

	for (int i = 0; i < nr; i++) {
		int status = -1;
		pid_t pid = fork();

		if (!pid) {
			free(malloc(3000000));
			_exit(0);
		}
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && !status);
	}
	end();
	return check_result();
}
