// SPDX-License-Identifier: MIT
/*
 * preload/rlimit.c - a program that limits its own address space
 *
 * What a heap reserves counts, so most of it has to go before: else no thread
 * could start any more, and nothing be mapped, while malloc knew no limit.
 */
#include <unistd.h>
#include "api/init.h"
#include "next.h"

#define ADDRESS_SPACE 9 /* RLIMIT_AS; its header may rename the functions */

struct limit {
	unsigned long soft, hard;
};

struct limit64 {
	uint64_t soft, hard;
};

typedef int set_fn(int what, const void *to);
typedef int change_fn(pid_t pid, int what, const void *to, void *was);

int setrlimit(int what, const struct limit *to);
int setrlimit64(int what, const struct limit64 *to);
int prlimit(pid_t pid, int what, const struct limit *to, struct limit *was);
int prlimit64(pid_t pid, int what, const struct limit64 *to,
	      struct limit64 *was);

/* What of it was ever used stays, and so does what swap has reserved. */
static void warn(size_t limit)
{
	static bool told;
	char buf[64];
	const char *p = buf;
	size_t taken;

	if (os_read_file("/proc/self/statm", buf, sizeof(buf)) <= 0)
		return;
	taken = os_number(&p) * os_page_size();
	if (taken > limit &&
	    !__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
		mm_warn("the program limits its address space to %zu MiB and takes %zu MiB already: it can map nothing and start no thread (reported once). Let it raise the limit, or go without swap",
			limit >> 20, taken >> 20);
}

static void before(pid_t pid, int what, uint64_t limit)
{
	struct heap *h;

	if (what != ADDRESS_SPACE || limit >= SIZE_MAX ||
	    (pid && pid != getpid()))
		return;
	h = door_enter();
	if (!h)
		return;
	zone_cut(limit);
	door_leave(h);
	warn(limit);
}

#define BEFORE(pid, what, to) before(pid, what, (to) ? (to)->soft : SIZE_MAX)

__public int setrlimit(int what, const struct limit *to)
{
	static void *found;

	BEFORE(0, what, to);
	return ((set_fn *)next_function(&found, "setrlimit"))(what, to);
}

__public int setrlimit64(int what, const struct limit64 *to)
{
	static void *found;

	BEFORE(0, what, to);
	return ((set_fn *)next_function(&found, "setrlimit64"))(what, to);
}

__public int prlimit(pid_t pid, int what, const struct limit *to,
		     struct limit *was)
{
	static void *found;

	BEFORE(pid, what, to);
	return ((change_fn *)next_function(&found, "prlimit"))(pid, what, to,
							       was);
}

__public int prlimit64(pid_t pid, int what, const struct limit64 *to,
		       struct limit64 *was)
{
	static void *found;

	BEFORE(pid, what, to);
	return ((change_fn *)next_function(&found, "prlimit64"))(pid, what, to,
								 was);
}
