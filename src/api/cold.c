// SPDX-License-Identifier: MIT
/*
 * api/cold.c - what a program may say about its memory that swap should know
 *
 * By calls of our own, and by madvise(): what is swapped out cannot be dropped
 * by the kernel.
 */
#include <errno.h>
#include "api/init.h"
#include "side/option.h"

#define HOT_ROUNDS 100 /* of the hand */

__public size_t mm_reclaim(size_t bytes)
{
	struct heap *h = door_enter();
	size_t done;

	if (!h)
		return 0;
	done = reclaim_trim(h, 0);
	if (done < bytes && swap_on)
		done += (size_t)swap_ask(SWAP_RECLAIM, NULL, bytes - done);
	door_leave(h);
	return done;
}

/* A signal handler may not ask swapd meanwhile, too. */
static void ask(enum swap_op op, void *p, size_t size)
{
	bool busy = tcache.busy;

	tcache.busy = true;
	swap_ask(op, p, size);
	tcache.busy = busy;
}

/* Runs with flags never leave. */
static bool may_leave(const struct block *b, const char *p)
{
	return b->vma || b->slab || !pfn_to_page(run_head(b->window, p))->flags;
}

/* What shall not leave stays so until it is freed. */
static pte_t kept(pte_t v, pte_t as)
{
	return pte_state(v) == PTE_PINNED ? v | (as & PTE_NOSWAP)
					  : as | (v & PTE_NOSWAP);
}

bool heap_bring(char *p, size_t nr)
{
	if (!mm_options.swap_usermode)
		return !os_advise(p, nr << PAGE_SHIFT, OS_BRING);
	/* the kernel's touch would not be served */
	for (size_t i = 0; i < nr; i++)
		(void)READ_ONCE(p[i << PAGE_SHIFT]);
	return true;
}

/*
 * Bring pages in, and say so while they are: PRESENT means that. A block with a
 * mapping of its own may have entries that nobody has filled in yet. What the
 * program has protected stays as it is.
 */
static void keep(char *p, pte_t *pte, size_t nr, pte_t as)
{
	/* all at once, and then those that have left again */
	heap_bring(p, nr);
	for (size_t i = 0; i < nr; i++) {
		pte_t v = pte_settle(&pte[i]);
		bool there = true;

		while (there && (pte_state(v) > PTE_PINNED ||
				 !pte_cas(&pte[i], &v, kept(v, as)))) {
			there = heap_bring(p + (i << PAGE_SHIFT), 1);
			v = pte_settle(&pte[i]);
		}
		if (there && pte_state(v) == PTE_UNTOUCHED)
			__atomic_add_fetch(&pages_outside, 1, __ATOMIC_RELAXED);
	}
}

__public int mm_advise(void *ptr, size_t len, enum mm_advice advice)
{
	char *p = (char *)align_down((uintptr_t)ptr, PAGE_SIZE);
	size_t nr = ((uintptr_t)ptr + len - (uintptr_t)p + PAGE_SIZE - 1) >>
		    PAGE_SHIFT;
	struct heap *h = door_enter();
	struct block b;
	pte_t *pte = NULL;

	if (!h)
		return -EAGAIN;
	if (block_holds(h, ptr, len, &b) && may_leave(&b, ptr))
		pte = map_pte((uintptr_t)ptr);
	door_leave(h);
	if (!swap_on && advice <= MM_NOSWAP)
		return len ? 0 : -EINVAL;
	if (!pte)
		return -EINVAL;
	switch (advice) {
	case MM_COLD:
		ask(SWAP_OUT, p, nr << PAGE_SHIFT);
		return 0;
	case MM_HOT:
		keep(p, pte, nr, pte_make(PTE_PRESENT, HOT_ROUNDS));
		return 0;
	case MM_NOSWAP:
		WRITE_ONCE(some_stay, true);
		keep(p, pte, nr, PTE_PRESENT | PTE_NOSWAP);
		/* and who writes there need not wait: protect_shared() */
		if (!mm_options.swap_usermode)
			os_advise(p, nr << PAGE_SHIFT, OS_UNSHARE);
		return 0;
	}
	return -EINVAL;
}

void api_keep(void *p, size_t size)
{
	if (swap_on && map_find(NULL, (uintptr_t)p))
		mm_advise(p, size, MM_NOSWAP);
}

/* A range is changed, and its entries, while nobody brings or takes a page. */
static bool range_begin(void)
{
	bool busy = tcache.busy;

	tcache.busy = true; /* a signal handler may not come here, too */
	orphans_wait();
	lock_acquire(&scan_lock);
	service_sync();
	return busy;
}

static void range_end(bool busy)
{
	lock_release(&scan_lock);
	tcache.busy = busy;
}

static void change_entries(enum drop how, uintptr_t start, uintptr_t end)
{
	struct mapping *m = map_find(NULL, start);

	if (m && m->ptes)
		ptes_drop(mapping_pte(m, start),
			  (min_size(end, m->end) - start) >> PAGE_SHIFT, how);
}

/* What the kernel drops of a range, and what the store has of it, together. */
static int drop_range(uintptr_t start, uintptr_t end, int advice)
{
	bool busy = range_begin(), late = advice == OS_GUARD;
	int err;

	/* before, as a touch may bring it; but not all kernels know guards */
	if (!late)
		change_entries(DROP_ZERO, start, end);
	err = os_advise((void *)start, end - start, advice);
	if (late && !err)
		change_entries(DROP_ZERO, start, end);
	range_end(busy);
	return err;
}

/* Within a range that is being changed. */
static void entries_stay(uintptr_t start, size_t size)
{
	WRITE_ONCE(some_stay, true);
	change_entries(DROP_STAY, start, align_up(start + size, PAGE_SIZE));
}

/* It may be nothing that can be watched over: it does not leave then. */
static void watch(void *p, size_t size)
{
	ask(SWAP_WATCH, p, align_up(size, PAGE_SIZE));
}

long api_map_over(void *p, size_t size, long nr, const long a[])
{
	bool busy = range_begin();
	long r = os_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	if (r == (long)p)
		entries_stay((uintptr_t)p, size);
	range_end(busy);
	if (r == (long)p)
		watch(p, size);
	return r;
}

void api_mapped(void *p, size_t size)
{
	bool busy = range_begin();

	entries_stay((uintptr_t)p, size);
	range_end(busy);
	watch(p, size);
}

static bool drops(int advice)
{
	return advice == OS_DROP || advice == OS_DROP_LOCKED ||
	       advice == OS_GUARD;
}

/* Others drop memory of their own in signal handlers, too. */
static bool is_of_heap(uintptr_t start, uintptr_t end)
{
	return map_find(NULL, start) || map_find(NULL, end - 1);
}

int api_madvise(void *p, size_t size, int advice)
{
	uintptr_t start = (uintptr_t)p;
	uintptr_t end = align_up(start + size, PAGE_SIZE);

	see_if_orphaned();
	/* the kernel sees to what is there */
	if (unlikely(swap_on) &&
	    (advice == OS_WIPEONFORK || advice == OS_DONTFORK))
		api_keep(p, size);
	if (likely(!swap_on) || !drops(advice) || start >= end ||
	    start & (PAGE_SIZE - 1) || !is_of_heap(start, end))
		return os_advise(p, size, advice);
	/* a handler, and what it has interrupted may hold the lock */
	if (tcache.busy)
		return -EAGAIN;
	return drop_range(start, end, advice);
}
