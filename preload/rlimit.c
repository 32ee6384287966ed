// SPDX-License-Identifier: MIT
/*
 * preload/rlimit.c - a program that limits its own address space
 *
 * What a heap reserves counts, so most of it has to go: else no thread could
 * start any more, and nothing be mapped, while malloc knew no limit.
 */
#include <unistd.h>
#include "alias.h"
#include "api/api.h"
#include "next.h"

#define ADDRESS_SPACE 9 /* RLIMIT_AS; its header may rename the functions */

/* Of 64 bits each, wherever there is a libmm. */
struct limit {
	unsigned long soft, hard;
};

int setrlimit(int what, const struct limit *to);
int prlimit(pid_t pid, int what, const struct limit *to, struct limit *was);

static int cut(int r, pid_t pid, int what, const struct limit *to)
{
	if (!r && what == ADDRESS_SPACE && to && (!pid || pid == getpid()))
		api_limit_space(to->soft);
	return r;
}

__public int setrlimit(int what, const struct limit *to)
{
	return cut(NEXT(setrlimit)(what, to), 0, what, to);
}

__public int prlimit(pid_t pid, int what, const struct limit *to,
		     struct limit *was)
{
	return cut(NEXT(prlimit)(pid, what, to, was), pid, what, to);
}

export_as(setrlimit64, setrlimit);
export_as(prlimit64, prlimit);
