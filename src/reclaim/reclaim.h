/* SPDX-License-Identifier: MIT */
/*
 * reclaim/reclaim.h - when memory goes back to the system
 *
 * A zone may keep a bounded number of dirty free pages. What is above goes back
 * at once, by the thread that freed it, outside every lock; that needs no
 * background thread and no timer. When memory runs out, direct reclaim empties
 * the caller's caches.
 *
 * With the option "swap", memory that is in use but cold leaves, too; that is
 * the work of a thread, swapd, and comes back by the service; see swapd.h.
 */
#ifndef MM_RECLAIM_RECLAIM_H
#define MM_RECLAIM_RECLAIM_H

#include "large/large.h"

/** reclaim_balance - bring every zone below its dirty bound */
void reclaim_balance(void);

/**
 * reclaim_free - give so many pages back that are free; how many it was
 *
 * Touches no memory of the program's. Context: swapd, too.
 */
size_t reclaim_free(size_t nr);

/**
 * reclaim_trim - give all free memory back
 * @h:    the caller's heap, whose caches are emptied too; may be NULL
 * @keep: bytes of dirty free memory that may stay
 *
 * Returns the bytes given back.
 */
size_t reclaim_trim(struct heap *h, size_t keep);

/**
 * swap_start - if the option says so, swap from now on
 *
 * One line says why if that cannot be. Context: once, before there are threads.
 */
void swap_start(void);

/** swap_is_alone - is there one thread of the program's, beside swap's? */
bool swap_is_alone(void);

/**
 * swap_end - all that is out comes back, and swap's threads end
 *
 * Returns 0, and then swap_stop() has to follow; or -errno if that cannot be:
 * it goes on. Context: no lock; not inside of fork().
 */
int swap_end(void);

/**
 * swap_stop - swap is off, from now on; and so is a limit that it was to keep
 *
 * Nothing is out. Context: all locks, or nobody else is there yet.
 */
void swap_stop(void);

/**
 * swap_follow_ids - the calling thread is another user now: so are swap's
 *
 * Returns 0, or -errno: some are not. Context: no lock held.
 */
int swap_follow_ids(void);

/** swap_is_parents - is this a child by vfork(), with its parent's threads? */
bool swap_is_parents(void);

/** swap_sees_forks - does a child that no handler saw made get what is out? */
bool swap_sees_forks(void);

/** swap_can_fork - can the service get a descriptor for a child? */
bool swap_can_fork(void);

/**
 * swap_rest - all comes back, as a child could not bring it: error @err
 *
 * Nothing leaves until swap_go_on(). Context: no lock held.
 */
void swap_rest(int err);
void swap_go_on(void);

/** pressure_seconds - what averages of the pressure are of */
#define NR_AVERAGES 3
extern const unsigned pressure_seconds[NR_AVERAGES] __hidden;

/**
 * struct pressure - how long threads wait for their pages, as PSI says it
 * @some: one or more do; the waits of all add up
 * @full: and no other thread of the program runs; estimated
 */
struct pressure {
	struct pressure_line {
		unsigned avg[NR_AVERAGES]; /* 1/100 % */
		uint64_t total_us;
	} some, full;
};
extern struct pressure pressure __hidden;

#define NR_LATENCIES 64

/** fault_latency - how many faults took at most fault_latency_ns(i) */
extern unsigned fault_latency[NR_LATENCIES] __hidden;
uint64_t fault_latency_ns(unsigned step);

/* the last to be held, and the first to let go; the child's, too */
/** swapd_fork_prepare - 0, or -errno: a child could not bring what is out */
int swapd_fork_prepare(void);
void swapd_fork_parent(void);
/** swapd_fork_done - in the parent, without any lock: pages are shared now */
void swapd_fork_done(void);
void swapd_fork_child(void);
/** swapd_fork_ready - after swapd_fork_prepare(): the next child is this one */
void swapd_fork_ready(void);
/** swapd_fork_await - until no other thread's is: not for who is forking */
void swapd_fork_await(void);
/** swapd_fork_failed - before swapd_fork_parent(): there is no child */
void swapd_fork_failed(void);

/**
 * swapd_orphaned - is this a copy of the process that none of these saw?
 *
 * By a system call instruction of the program's. It has no service; that of the
 * parent brings all that was out, see orphan.c.
 */
static inline bool swapd_orphaned(void)
{
	return unlikely(swap_on) && unlikely(!READ_ONCE(*swapd_lives)) &&
	       !lock_is_forking();
}

/** swapd_orphan - then: wait for that, and swap no more. Context: one thread */
void swapd_orphan(void);

/** reclaim_fork - what a step of fork() does to the lock of the purge */
void reclaim_fork(enum fork_step step);

#endif
