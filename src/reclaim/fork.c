// SPDX-License-Identifier: MIT
/*
 * reclaim/fork.c - the process is copied, and the child swaps, too
 *
 * It starts a swapd and a service of its own, over its own copy of the tables,
 * before any other code of the child runs; or, if that cannot be, it gets all
 * that is out and swaps no more.
 *
 * Owns fork_file. scan_lock is held from before the fork to after it. What is
 * out as the copy is made is counted anew in the child: the service goes on.
 */
#include <errno.h>
#include "os/os.h"
#include "reclaim/swapd.h"

#define FORK_MS 1000
#define SEEN_MS 20

int fork_file = -1;
static int fork_pagemap = -1; /* keeps a place for the child's own */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		os_close(*fd);
	*fd = -1;
}

static void close_fds(void)
{
	close_fd(&fork_file);
	close_fd(&fork_pagemap);
}

static int open_fds(void)
{
	int file;

	fork_pagemap = os_pagemap_open();
	if (fork_pagemap < 0)
		return fork_pagemap;
	file = swap_fork_open(swapd.proc_tid);
	if (file == -EBADF)
		return 0; /* there is none yet */
	/* not where messages go */
	if (file >= 0 && file <= 2) {
		int fd = os_dup(file, 3);

		os_close(file);
		file = fd;
	}
	fork_file = file < 0 ? -1 : file;
	return file < 0 ? file : 0;
}

/*
 * swapd rests while a thread forks, the service goes on: the thread may touch
 * what is out, and so may others.
 */
int swapd_fork_prepare(void)
{
	if (likely(!swap_on))
		return 0;
	lock_acquire(&scan_lock);
	swap_fork(FORK_PREPARE);
	return open_fds();
}

/*
 * The service has read of the fork by now, but may not have looked whose it is.
 * If the fork failed there may be nothing to wait for.
 */
static void wait_for_service(void)
{
	uint64_t start = os_clock_ms();

	while (swapd.forks && !swap_ended &&
	       __atomic_load_n(&fork_is_handled, __ATOMIC_ACQUIRE) &&
	       os_clock_ms() - start < FORK_MS)
		os_yield();
}

void swapd_fork_ready(void)
{
	if (unlikely(swap_on))
		__atomic_store_n(&fork_is_handled, true, __ATOMIC_RELEASE);
}

void swapd_fork_await(void)
{
	while (swap_on && __atomic_load_n(&fork_is_handled, __ATOMIC_ACQUIRE))
		os_yield();
}

void swapd_fork_failed(void)
{
	__atomic_store_n(&fork_is_handled, false, __ATOMIC_RELEASE);
}

/*
 * Until what is shared is protected, if need be. Without swap_ask(): a signal
 * handler that forks may have interrupted that.
 */
void swapd_fork_done(void)
{
	uint32_t forks, seen;

	if (likely(!swap_on))
		return;
	forks = __atomic_add_fetch(&nr_forks, 1, __ATOMIC_RELEASE);
	if (READ_ONCE(copies_limit) >= pages_resident())
		return;
	swap_ring();
	seen = __atomic_load_n(&forks_seen, __ATOMIC_ACQUIRE);
	if ((int32_t)(forks - seen) > 0)
		os_futex_wait(&forks_seen, seen, SEEN_MS);
}

void swapd_fork_parent(void)
{
	if (likely(!swap_on))
		return;
	close_fds();
	wait_for_service();
	__atomic_store_n(&fork_is_handled, false, __ATOMIC_RELEASE);
	swap_fork(FORK_PARENT);
	lock_release(&scan_lock);
}

/*
 * The service of the parent was at it when the copy was made. Where the page
 * came from lets go of it only after the entry says PRESENT, so it is either
 * there, or still where it was.
 */
static void finish(pte_t *pte, char *p)
{
	pte_t v = *pte, rest = v & ~(PTE_STATE_MASK | PTE_KIND_MASK);
	bool has = false;

	if ((v & PTE_KIND_MASK) != PTE_FROM_ZERO &&
	    os_pagemap_read(fork_pagemap, p, 1, &has))
		bug("swap: a forked child cannot read /proc/self/pagemap");
	*pte = PTE_PRESENT;
	if ((v & PTE_KIND_MASK) == PTE_FROM_STORE && has) {
		swap_free_later(pte_value(v));
	} else if ((v & PTE_KIND_MASK) == PTE_FROM_STORE) {
		*pte = rest | PTE_SWAPPED;
	} else if ((v & PTE_KIND_MASK) == PTE_FROM_STAGE && has) {
		stage_leave(pte_value(v));
	} else if ((v & PTE_KIND_MASK) == PTE_FROM_STAGE) {
		/* else it was being freed, and has no stage any more */
		*pte = stages[pte_value(v)].pte == pte ? rest | PTE_STAGED
						       : PTE_UNTOUCHED;
	}
}

static void repair(pte_t *pte, char *p)
{
	if (pte_state(*pte) == PTE_FILLING)
		finish(pte, p);
	pages_staged += pte_state(*pte) == PTE_STAGED;
	pages_out += pte_state(*pte) == PTE_SWAPPED;
}

/* Without a service of its own a child needs all pages where they belong. */
static void fill(pte_t *pte, char *p)
{
	pte_t v = *pte;

	if (pte_state(v) == PTE_SWAPPED &&
	    swap_load(swapd.coder, pte_value(v), p, true))
		bug("swap: the page at %p is lost in a forked child",
		    (void *)p);
	if (pte_state(v) == PTE_STAGED)
		__builtin_memcpy(p, stage_addr(pte_value(v)), PAGE_SIZE);
	if (pte_state(v) == PTE_SWAPPED || pte_state(v) == PTE_STAGED)
		*pte = PTE_PRESENT;
}

/* Somebody else fills it: wait for that. */
static void wait_for(pte_t *pte, char *p)
{
	if (pte_state(*pte) <= PTE_PINNED)
		return;
	(void)READ_ONCE(*p);
	*pte = PTE_PRESENT;
}

void swap_stop(void)
{
	swap_on = false;
	pages_out = pages_staged = pages_left = 0;
	page_goal = SIZE_MAX;
	WRITE_ONCE(page_limit, SIZE_MAX);
	swap_empty();
	if (swapd.staging)
		os_purge(swapd.staging, swapd.nr_stages << PAGE_SHIFT);
}

static void for_armed_pages(void (*f)(pte_t *pte, char *p))
{
	for (struct armed_range r = { 0 }; next_armed(&r);)
		for (; r.start < r.end; r.start += PAGE_SIZE)
			f(r.ptes++, (char *)r.start);
}

void swapd_fork_child(void)
{
	bool ended;
	int err;

	if (likely(!swap_on))
		return;
	ended = swap_ended;
	swapmap_fork_child();
	fork_is_handled = false;
	swap_fork(FORK_CHILD);
	/* another thread was about to: nothing is out */
	if (ended) {
		close_fds();
		swap_stop();
		return;
	}
	swap_service_start(fork_file);
	close_fd(&fork_pagemap);
	fork_pagemap = os_pagemap_open();
	pages_out = pages_staged = 0;
	for_armed_pages(repair);
	close_fd(&fork_pagemap);
	nr_forks++;
	err = swapd_start();
	if (err) {
		/* swap_rest() has said so */
		if (err != -ENOENT && err != -EACCES && err != -EMFILE &&
		    !ids_version)
			swap_refuse(err);
		for_armed_pages(fill);
		swap_stop();
	}
	close_fds();
}

void swapd_orphan(void)
{
	swapmap_fork_child();
	for_armed_pages(wait_for);
	swap_stop();
}
