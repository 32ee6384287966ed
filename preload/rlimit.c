// SPDX-License-Identifier: MIT
/*
 * preload/rlimit.c - a program that limits itself
 *
 * Its address space: what a heap reserves counts, so most of it has to go: else
 * no thread could start any more, and nothing be mapped, while malloc knew no
 * limit. Its descriptors: swapd's count, although they are in another table.
 */
#include <unistd.h>
#include "alias.h"
#include "api/api.h"
#include "map/swapmap.h"
#include "next.h"
#include "os/os.h"

/* Of 64 bits each, wherever there is a libmm. */
struct limit {
	unsigned long soft, hard;
};

int setrlimit(int what, const struct limit *to);
int prlimit(pid_t pid, int what, const struct limit *to, struct limit *was);

static bool is_self(pid_t pid)
{
	return !pid || pid == getpid();
}

static void before(pid_t pid, int what, const struct limit *to)
{
	if (unlikely(swap_on) && what == OS_OPEN_FILES && to && is_self(pid))
		api_limit_files(to->soft);
}

static int after(int r, pid_t pid, int what, const struct limit *to)
{
	if (!r && what == OS_ADDRESS_SPACE && to && is_self(pid))
		api_limit_space(to->soft);
	return r;
}

__public int setrlimit(int what, const struct limit *to)
{
	before(0, what, to);
	return after(NEXT(setrlimit)(what, to), 0, what, to);
}

__public int prlimit(pid_t pid, int what, const struct limit *to,
		     struct limit *was)
{
	before(pid, what, to);
	return after(NEXT(prlimit)(pid, what, to, was), pid, what, to);
}

export_as(setrlimit64, setrlimit);
export_as(prlimit64, prlimit);
