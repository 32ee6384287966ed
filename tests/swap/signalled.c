/* SPDX-License-Identifier: MIT */
/*
 * signalled.c - a signal handler drops memory that is not the heap's
 *
 * As runtimes do that stop their threads by signals. It may have interrupted a
 * free() of a large block, which holds locks of swap.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "heap.h"

#define ROUNDS 4000

static char *mine;
static volatile sig_atomic_t signals;

static void drop(int sig)
{
	(void)sig;
	CHECK(!madvise(mine, HEAP_PAGE, MADV_DONTNEED));
	signals++;
}

int main(void)
{
	const struct itimerval often = { { 0, 300 }, { 0, 300 } };
	struct sigaction action = { .sa_handler = drop,
				    .sa_flags = SA_RESTART };

	if (!swap_possible())
		return SKIP;
	mine = mmap(NULL, HEAP_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mine != MAP_FAILED);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		char *p = malloc(64 * MIB);

		CHECK(p);
		p[0] = p[40 * MIB] = 1;
		free(p);
	}
	CHECK(signals > 0);
	return check_result();
}
