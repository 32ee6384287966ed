/* SPDX-License-Identifier: MIT */
/*
 * fork_handlers.c ROUNDS - signal handlers that allocate around fork()
 *
 * SIGCHLD of a child that ends at once comes while the parent is still on its
 * way out of fork(); a timer's signal comes amidst malloc(), and its handler
 * forks. No handler may wait for the thread that it interrupts.
 */
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "check.h"

#define LARGE (50 * KIB) /* not from a list of the thread's */

static volatile sig_atomic_t nr_signals;

static void allocate(int sig)
{
	char *p = malloc(LARGE);

	(void)sig;
	if (p)
		p[0] = p[LARGE - 1] = 1;
	free(p);
	nr_signals++;
}

static void fork_now(int sig)
{
	pid_t pid = fork();
	int status = -1;

	(void)sig;
	if (!pid)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	CHECK(!status);
	nr_signals++;
}

static void children_that_end_at_once(int rounds)
{
	int status;

	nr_signals = 0;
	signal(SIGCHLD, allocate);
	for (int i = 0; i < rounds; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		CHECK(pid > 0);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	signal(SIGCHLD, SIG_DFL);
	CHECK(nr_signals);
}

static void forks_amidst_malloc(int rounds)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, off = { 0 };
	void *p[64] = { 0 };

	nr_signals = 0;
	signal(SIGALRM, fork_now);
	setitimer(ITIMER_REAL, &often, NULL);
	while (nr_signals < rounds)
		for (size_t i = 0; i < 64; i++) {
			free(p[i]);
			p[i] = malloc(LARGE + (i & 15) * 4 * KIB);
			CHECK(p[i]);
		}
	setitimer(ITIMER_REAL, &off, NULL);
	for (size_t i = 0; i < 64; i++)
		free(p[i]);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 300;

	children_that_end_at_once(rounds);
	forks_amidst_malloc(rounds);
	return check_result();
}
