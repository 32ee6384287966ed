// SPDX-License-Identifier: MIT
/*
 * preload/clone.c - libc's clone() and syscall(), and calls that confine
 *
 * If they copy the process, libc runs no fork handlers for the child, but what
 * is swapped out is not there in it, and locks may be held that nobody will
 * give back. So ours run around it; and when its only thread ends, so do those
 * of swap.
 *
 * If the program confines itself, swap has to end. Some namespaces are only for
 * a process of one thread: if the program has one, it goes without those of
 * swap, too. A filter of seccomp(2) may kill the process for what swap has to
 * do: in its threads if it is for all, else in fork().
 *
 * All else goes straight on. The headers of libc have other ideas of how many
 * arguments these take.
 */
#include <errno.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include "api/api.h"
#include "map/swapmap.h"
#include "os/os.h"
#include "reclaim/reclaim.h"

#define STACK_PAGES 4
#if defined(__x86_64__)
#define CLONE_CTID 3 /* which argument of the system call it is */
#else
#define CLONE_CTID 4
#endif

int __clone(int (*fn)(void *), void *stack, int flags, void *arg, void *ptid,
	    void *tls, void *ctid);
int clone(int (*fn)(void *), void *stack, int flags, void *arg, void *ptid,
	  void *tls, void *ctid);
long syscall(long nr, long a, long b, long c, long d, long e, long f);
int prctl(int option, long a, long b, long c, long d);
int unshare(int flags);
int setns(int fd, int type);

/* ---- copies of the process ---- */

struct start {
	int (*fn)(void *);
	void *arg;
};

static int child_main(void *arg)
{
	struct start start = *(struct start *)arg;

	api_fork_child();
	/* libc would end this thread only, and swapd the process later */
	return (int)os_syscall(SYS_exit_group, start.fn(start.arg), 0, 0, 0, 0,
			       0);
}

/* Has the child memory of its own, and is it the same thread there? */
static bool copies(unsigned long flags)
{
	return !(flags & (CLONE_VM | CLONE_SETTLS | CLONE_FILES));
}

/* The kernel writes there before the child has a service. */
static void touch(const void *p)
{
	if (p && map_find(NULL, (uintptr_t)p))
		(void)READ_ONCE(*(const char *)p);
}

static void touch_stack(const char *stack)
{
	for (size_t i = 0; i < STACK_PAGES; i++)
		touch(stack - 1 - (i << PAGE_SHIFT));
}

__public int clone(int (*fn)(void *), void *stack, int flags, void *arg,
		   void *ptid, void *tls, void *ctid)
{
	struct start start = { fn, arg };
	int r;

	if (unlikely(swap_on) && flags & CLONE_CHILD_CLEARTID)
		api_keep(ctid, sizeof(int));
	if (!fn || !stack || !copies((unsigned)flags) || !api_fork_prepare())
		return __clone(fn, stack, flags, arg, ptid, tls, ctid);
	touch_stack(stack);
	if (flags & CLONE_CHILD_SETTID)
		touch(ctid);
	r = __clone(child_main, stack, flags, &start, ptid, tls, ctid);
	api_fork_done(r);
	return r;
}

/*
 * A child on a stack of its own cannot return to us. @ctid receives where the
 * kernel will write.
 */
static bool copies_here(long nr, const long a[], const void **ctid)
{
	const struct clone_args *args = (const struct clone_args *)a[0];
	unsigned long flags = (unsigned long)a[0];

	*ctid = NULL;
	switch (nr) {
#ifdef SYS_fork
	case SYS_fork:
		return true;
#endif
	case SYS_clone:
		if (flags & CLONE_CHILD_SETTID)
			*ctid = (const void *)a[CLONE_CTID];
		return copies(flags) && !a[1];
	case SYS_clone3:
		if ((size_t)a[1] < CLONE_ARGS_SIZE_VER0 || !os_readable(args) ||
		    !os_readable(&args->tls))
			return false;
		if (args->flags & CLONE_CHILD_SETTID)
			*ctid = (const void *)(uintptr_t)args->child_tid;
		return copies(args->flags) && !args->stack;
	default:
		return false;
	}
}

/* What the kernel reads and writes when a thread ends: see keep.c. */
static void keep_for_end(long nr, const long a[])
{
	if (nr == SYS_set_tid_address)
		api_keep((void *)a[0], sizeof(int));
	else if (nr == SYS_set_robust_list)
		api_keep((void *)a[0], (size_t)a[1]);
	else if (nr == SYS_clone && a[0] & CLONE_CHILD_CLEARTID)
		api_keep((void *)a[CLONE_CTID], sizeof(int));
}

/* ---- calls that confine ---- */

static bool confines(long nr)
{
	return nr == SYS_unshare || nr == SYS_setns || nr == SYS_seccomp ||
	       nr == SYS_prctl;
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

/* One of these calls; what the kernel returns. */
static long confine(long nr, const long a[])
{
	static const char why[] = "the program confines itself";
	long r;

	if (filters(nr, a) && !swap_is_parents())
		api_end_swap(why);
	r = os_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if ((r != -EINVAL && r != -EUSERS) || !wants_alone(nr, a) ||
	    swap_is_parents() || !swap_is_alone())
		return r;
	api_end_swap(why);
	return os_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- any call ---- */

/* While swap works. */
static __slow long syscall_slow(long nr, const long a[])
{
	const void *ctid;
	bool ours;
	long r;

	if (confines(nr))
		return confine(nr, a);
	if (nr == SYS_madvise)
		return api_madvise((void *)a[0], (size_t)a[1], (int)a[2]);
	keep_for_end(nr, a);
	ours = copies_here(nr, a, &ctid) && api_fork_prepare();
	if (ours)
		touch(ctid);
	r = os_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (ours)
		api_fork_done(r);
	return r;
}

static long call(long nr, const long a[])
{
	long r = unlikely(swap_on)
			 ? syscall_slow(nr, a)
			 : os_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	if (likely((unsigned long)r < -4095UL))
		return r;
	errno = (int)-r;
	return -1;
}

__public long syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	return call(nr, (long[]){ a, b, c, d, e, f });
}

__public int prctl(int option, long a, long b, long c, long d)
{
	return (int)call(SYS_prctl, (long[6]){ option, a, b, c, d });
}

__public int unshare(int flags)
{
	return (int)call(SYS_unshare, (long[6]){ flags });
}

__public int setns(int fd, int type)
{
	return (int)call(SYS_setns, (long[6]){ fd, type });
}
