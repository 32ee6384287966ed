// SPDX-License-Identifier: MIT
/*
 * os/lock.c - the sleeping half of the futex mutex
 *
 * After U. Drepper, "Futexes Are Tricky", mutex 2. A short spin comes first,
 * as every critical section of libmm is shorter than a system call.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <time.h>
#include "os/lock.h"
#include "os/syscall.h"

void *lock_holder;

__slow void lock_wait(struct mm_lock *l)
{
	if (lock_is_forking())
		return;
	for (int i = 0; i < 64; i++) {
		cpu_relax();
		if (READ_ONCE(l->word) == 0 && lock_try(l))
			return;
	}
	/* pairs with the release in lock_release() */
	while (__atomic_exchange_n(&l->word, 2, __ATOMIC_ACQUIRE))
		if (sys4(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, 2, NULL) ==
		    -ENOSYS)
			sys1(SYS_sched_yield, 0);
	if (DEBUG_VM)
		lock_count(l, 1);
}

__slow bool lock_wait_for(struct mm_lock *l, unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (__atomic_exchange_n(&l->word, 2, __ATOMIC_ACQUIRE))
		if (sys4(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, 2, &t) ==
		    -ETIMEDOUT)
			return false;
	if (DEBUG_VM)
		lock_count(l, 1);
	return true;
}

__slow void lock_wake(struct mm_lock *l)
{
	sys3(SYS_futex, &l->word, FUTEX_WAKE_PRIVATE, 1);
}

#ifdef MM_DEBUG_VM
static __tls uint8_t held[NR_RANKS];

/* Inside of fork() a thread walks through all locks. */
void lock_check_order(const struct mm_lock *l)
{
	for (unsigned r = l->rank + 1U; r < NR_RANKS && !lock_is_forking(); r++)
		if (held[r])
			bug("internal error: a lock of rank %u is taken after one of rank %u",
			    l->rank, r);
}

void lock_count(const struct mm_lock *l, int by)
{
	/* it would not be given back */
	BUG_ON(lock_is_forking());
	BUG_ON(by < 0 && !held[l->rank]);
	held[l->rank] = (uint8_t)(held[l->rank] + by);
}

void __lock_forget_held(void)
{
	for (unsigned r = 0; r < NR_RANKS; r++)
		held[r] = 0;
}
#endif
