// SPDX-License-Identifier: MIT
/*
 * preload/clone.c - libc's clone() and syscall(), if they copy the process
 *
 * libc runs no fork handlers for such a child, but what is swapped out is not
 * there in it, and locks may be held that nobody will give back. So ours run
 * around it; and when its only thread ends, so do those of swap. All else goes
 * straight on. <sched.h> and <unistd.h> have other ideas of how many arguments
 * these take.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include "api/api.h"
#include "map/swapmap.h"
#include "os/os.h"

int __clone(int (*fn)(void *), void *stack, int flags, void *arg, void *ptid,
	    void *tls, void *ctid);
int clone(int (*fn)(void *), void *stack, int flags, void *arg, void *ptid,
	  void *tls, void *ctid);
long syscall(long nr, long a, long b, long c, long d, long e, long f);

struct start {
	int (*fn)(void *);
	void *arg;
};

static int child_main(void *arg)
{
	struct start start = *(struct start *)arg;

	api_fork_child();
	/* libc would end this thread only, and ours would stay */
	return (int)os_syscall(SYS_exit_group, start.fn(start.arg), 0, 0, 0, 0,
			       0);
}

/* Has the child memory of its own, and is it the same thread there? */
static bool copies(unsigned long flags)
{
	return !(flags & (CLONE_VM | CLONE_SETTLS));
}

__public int clone(int (*fn)(void *), void *stack, int flags, void *arg,
		   void *ptid, void *tls, void *ctid)
{
	struct start start = { fn, arg };
	int r;

	if (!fn || !stack || !copies((unsigned)flags) || !api_fork_prepare())
		return __clone(fn, stack, flags, arg, ptid, tls, ctid);
	r = __clone(child_main, stack, flags, &start, ptid, tls, ctid);
	api_fork_parent();
	return r;
}

/* A child on a stack of its own cannot return to us. */
static bool copies_here(long nr, long a, long b)
{
	const struct clone_args *args = (const struct clone_args *)a;

	switch (nr) {
#ifdef SYS_fork
	case SYS_fork:
		return true;
#endif
	case SYS_clone:
		return copies((unsigned long)a) && !b;
	case SYS_clone3:
		return (size_t)b >= CLONE_ARGS_SIZE_VER0 &&
		       copies(args->flags) && !args->stack;
	default:
		return false;
	}
}

__public long syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	bool ours = unlikely(swap_on) && copies_here(nr, a, b) &&
		    api_fork_prepare();
	long r;

	if (unlikely(swap_on) && nr == SYS_exit && api_is_alone())
		nr = SYS_exit_group;
	r = os_syscall(nr, a, b, c, d, e, f);
	if (ours && r)
		api_fork_parent();
	else if (ours)
		api_fork_child();
	if (likely((unsigned long)r < -4095UL))
		return r;
	errno = (int)-r;
	return -1;
}
