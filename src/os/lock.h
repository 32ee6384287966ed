/* SPDX-License-Identifier: MIT */
/*
 * os/lock.h - a futex mutex of one word
 *
 * States: 0 free, 1 held, 2 held and somebody sleeps. It is not recursive. A
 * forked child resets every lock with lock_init(). With -Ddebug_vm=true each
 * knows its rank, and who takes two the wrong way round is stopped.
 *
 * A thread that forks holds every lock there is, and says so in lock_holder.
 * Until it gives them back it walks through all of them: fork handlers of the
 * program that run in between may allocate.
 */
#ifndef MM_OS_LOCK_H
#define MM_OS_LOCK_H

#include "base/compiler.h"

/*
 * The order of all locks: who waits for one holds none that stands behind it.
 * Several of one rank are taken in the order of their list. Who asks swapd
 * waits for what that takes: vma_lock, scan_lock, and those behind.
 */
enum lock_rank {
	RANK_INIT,
	RANK_IDS,
	RANK_PURGE,
	RANK_POOL,
	RANK_HEAP,
	RANK_PARTIAL,
	RANK_NOTE,
	RANK_REQUEST, /* to ask swapd */
	RANK_VMA,
	RANK_WINDOW,
	RANK_ZONE,
	RANK_PIN,
	RANK_PGTABLE,
	RANK_ARENA,
	RANK_FRONT,
	RANK_SCAN,
	RANK_STORE,
	RANK_RELOC,
	RANK_ORPHAN,
	NR_RANKS
};

struct mm_lock {
	uint32_t word;
#ifdef MM_DEBUG_VM
	uint8_t rank; /* enum lock_rank */
#endif
};

/** LOCK - initialiser of a lock of RANK_##rank that is free */
#ifdef MM_DEBUG_VM
#define LOCK(rank)                                                             \
	{                                                                      \
		0, RANK_##rank                                                 \
	}
#else
#define LOCK(rank)                                                             \
	{                                                                      \
		0                                                              \
	}
#endif

/** lock_rank - the same for one that is zero already, and may stay untouched */
static inline void lock_rank(struct mm_lock *l, enum lock_rank rank)
{
#ifdef MM_DEBUG_VM
	l->rank = (uint8_t)rank;
#else
	(void)l;
	(void)rank;
#endif
}

/* __builtin_thread_pointer() of the thread that holds every lock, or NULL */
extern void *lock_holder __hidden;

/** lock_is_forking - is the caller that thread? */
static inline bool lock_is_forking(void)
{
	return READ_ONCE(lock_holder) == __builtin_thread_pointer();
}

void lock_wait(struct mm_lock *l);
/** lock_wait_for - the same, but for so long; false if it is not ours then */
bool lock_wait_for(struct mm_lock *l, unsigned ms);
void lock_wake(struct mm_lock *l);

/* Which ranks the calling thread holds; with -Ddebug_vm=true only. */
void lock_check_order(const struct mm_lock *l);
void lock_count(const struct mm_lock *l, int by);
void __lock_forget_held(void);

/** lock_forget_held - none: it is the only thread of a forked child */
static inline void lock_forget_held(void)
{
	if (DEBUG_VM)
		__lock_forget_held();
}

/* In a loop that waits for another CPU. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield");
#endif
}

static inline void lock_init(struct mm_lock *l)
{
	l->word = 0;
}

static inline bool lock_try(struct mm_lock *l)
{
	uint32_t free = 0;
	/* pairs with the release in lock_release() */
	bool ours = __atomic_compare_exchange_n(
		&l->word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);

	if (DEBUG_VM && ours)
		lock_count(l, 1);
	return ours;
}

static inline void lock_acquire(struct mm_lock *l)
{
	if (DEBUG_VM)
		lock_check_order(l);
	if (unlikely(!lock_try(l)))
		lock_wait(l);
}

static inline void lock_release(struct mm_lock *l)
{
	if (unlikely(lock_is_forking()))
		return;
	if (DEBUG_VM)
		lock_count(l, -1);
	/* pairs with the acquire in lock_try() and lock_wait() */
	if (unlikely(__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2))
		lock_wake(l);
}

/** enum fork_step - before fork(), and after it in either process */
enum fork_step { FORK_PREPARE, FORK_PARENT, FORK_CHILD };

/** lock_fork - hold a lock over fork(): take it, let it go or reset it */
static inline void lock_fork(struct mm_lock *l, enum fork_step step)
{
	if (step == FORK_PREPARE)
		lock_acquire(l);
	else if (step == FORK_PARENT)
		lock_release(l);
	else
		lock_init(l);
}

#endif
