// SPDX-License-Identifier: MIT
/*
 * preload/confine.c - the program confines itself, and swap has to end
 *
 * Some namespaces are only for a process of one thread: if the program has one,
 * it goes without those of swap, too. A filter of seccomp(2) may kill the
 * process for what swap has to do: in its threads if it is for all, else in
 * fork().
 */
#include <errno.h>
#include <linux/sched.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include "api/api.h"
#include "confine.h"
#include "map/swapmap.h"
#include "os/os.h"
#include "reclaim/reclaim.h"

int prctl(int option, long a, long b, long c, long d);
int unshare(int flags);
int setns(int fd, int type);

/* Beside swap's threads the caller is the only one. */
static bool is_alone(void)
{
	int tids[SWAP_THREADS + 2];

	return os_threads(tids, ARRAY_SIZE(tids)) == SWAP_THREADS + 1;
}

/* Can it be for the other threads that the kernel says no? */
static bool wants_alone(long nr, const long a[])
{
	if (nr == SYS_setns)
		return !a[1] || a[1] & (CLONE_NEWUSER | CLONE_NEWTIME);
	return nr == SYS_unshare &&
	       a[0] & (CLONE_NEWUSER | CLONE_THREAD | CLONE_VM | CLONE_SIGHAND);
}

/* Not one that only asks the kernel what it knows. */
static bool filters(long nr, const long a[])
{
	if (nr == SYS_prctl)
		return a[0] == PR_SET_SECCOMP &&
		       (a[1] == SECCOMP_MODE_STRICT ||
			(a[1] == SECCOMP_MODE_FILTER && a[2]));
	if (nr != SYS_seccomp)
		return false;
	return (a[0] == SECCOMP_SET_MODE_STRICT && !a[1] && !a[2]) ||
	       (a[0] == SECCOMP_SET_MODE_FILTER && a[2]);
}

long confine(long nr, const long a[])
{
	static const char why[] = "the program confines itself";
	long r;

	if (filters(nr, a) && !swap_is_parents())
		api_end_swap(why);
	r = os_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if ((r != -EINVAL && r != -EUSERS) || !wants_alone(nr, a) ||
	    swap_is_parents() || !is_alone())
		return r;
	api_end_swap(why);
	return os_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int call(long nr, long a, long b, long c, long d, long e)
{
	const long args[6] = { a, b, c, d, e };
	long r = swap_on ? confine(nr, args) : os_syscall(nr, a, b, c, d, e, 0);

	if (r >= 0)
		return (int)r;
	errno = (int)-r;
	return -1;
}

__public int prctl(int option, long a, long b, long c, long d)
{
	return call(SYS_prctl, option, a, b, c, d);
}

__public int unshare(int flags)
{
	return call(SYS_unshare, flags, 0, 0, 0, 0);
}

__public int setns(int fd, int type)
{
	return call(SYS_setns, fd, type, 0, 0, 0);
}
