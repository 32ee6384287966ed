// SPDX-License-Identifier: MIT
/*
 * zone/pin.c - pages that stay in memory
 *
 * The kernel counts no locks, so the page table does: the entry of a pinned
 * page says how often. Only the first pin of a page asks the kernel, and only
 * the last one undone tells it.
 *
 * Invariant, under pin_lock: a page is locked iff its entry says PINNED, and
 * nr_pinned pages do. A forked child has none, as the kernel has it. No page of
 * a live block is UNTOUCHED. The entry of a page that holds small objects is
 * read without the lock, when the next objects of that page are carved.
 */
#include <errno.h>
#include "zone/zone.h"

static struct mm_lock pin_lock = LOCK(PIN);
static size_t nr_pinned;

static bool is_pinned(pte_t pte)
{
	return (pte & PTE_STATE_MASK) == PTE_PINNED;
}

/* So many of the pages, from the first on, are pinned as it is, or are not. */
static size_t stretch(const pte_t *pte, size_t nr)
{
	size_t n = 1;

	while (n < nr && is_pinned(pte[n]) == is_pinned(pte[0]))
		n++;
	return n;
}

static void unlock_new(pfn_t pfn, size_t nr)
{
	const pte_t *pte = pfn_to_pte(pfn);

	for (size_t i = 0, n; i < nr; i += n) {
		n = stretch(pte + i, nr - i);
		if (!is_pinned(pte[i]))
			os_unlock(pfn_to_addr(pfn + (pfn_t)i), n << PAGE_SHIFT);
	}
}

static int lock_new(pfn_t pfn, size_t nr)
{
	const pte_t *pte = pfn_to_pte(pfn);

	for (size_t i = 0, n; i < nr; i += n) {
		int err = 0;

		n = stretch(pte + i, nr - i);
		if (!is_pinned(pte[i]))
			err = os_lock(pfn_to_addr(pfn + (pfn_t)i),
				      n << PAGE_SHIFT);
		if (err) {
			unlock_new(pfn, i + n);
			return -EPERM;
		}
	}
	return 0;
}

static void pin(pte_t *pte)
{
	pte_t v, new;

	do {
		v = pte_settle(pte);
		new = is_pinned(v) ? v : PTE_PINNED | (v & PTE_NOSWAP);
	} while (!pte_cas(pte, &v, new + PTE_PIN));
}

int pin_pages(pfn_t pfn, size_t nr)
{
	pte_t *pte = pfn_to_pte(pfn);
	int err;

	/* a lock is for whole pages of the kernel */
	if (os_page_size() != PAGE_SIZE)
		return -ENOTSUP;
	lock_acquire(&pin_lock);
	err = lock_new(pfn, nr);
	for (size_t i = 0; !err && i < nr; i++) {
		nr_pinned += !is_pinned(pte[i]);
		/* it is in memory, but swap may not have said so yet */
		pin(&pte[i]);
	}
	lock_release(&pin_lock);
	return err;
}

/* Take one pin, or all, from each page, and unlock those that have no more. */
static void __unpin(pfn_t pfn, size_t nr, bool all)
{
	pte_t *pte = pfn_to_pte(pfn);
	size_t from = nr; /* pages from here on are to be unlocked */

	for (size_t i = 0; i <= nr; i++) {
		bool last = i < nr && is_pinned(pte[i]) &&
			    (all || pte[i] < 2 * PTE_PIN);

		if (last) {
			WRITE_ONCE(pte[i], PTE_PRESENT | (pte[i] & PTE_NOSWAP));
			nr_pinned--;
			from = min_size(from, i);
			continue;
		}
		if (i < nr && is_pinned(pte[i]))
			WRITE_ONCE(pte[i], pte[i] - PTE_PIN);
		if (from < i)
			os_unlock(pfn_to_addr(pfn + (pfn_t)from),
				  (i - from) << PAGE_SHIFT);
		from = nr;
	}
}

int unpin_pages(pfn_t pfn, size_t nr)
{
	const pte_t *pte = pfn_to_pte(pfn);
	bool ok;

	lock_acquire(&pin_lock);
	ok = is_pinned(pte[0]) && stretch(pte, nr) == nr;
	if (ok)
		__unpin(pfn, nr, false);
	lock_release(&pin_lock);
	return ok ? 0 : -EINVAL;
}

bool has_pins(pfn_t pfn, size_t nr)
{
	const pte_t *pte = pfn_to_pte(pfn);
	bool any;

	lock_acquire(&pin_lock);
	any = is_pinned(pte[0]) || stretch(pte, nr) < nr;
	lock_release(&pin_lock);
	return any;
}

void drop_pins(pfn_t pfn, size_t nr)
{
	lock_acquire(&pin_lock);
	__unpin(pfn, nr, true);
	lock_release(&pin_lock);
}

/* ---- fork ---- */

static void forget_pins(const struct span *s)
{
	for (pfn_t pfn = s->start; pfn < s->grown && nr_pinned; pfn++) {
		pte_t *pte = pfn_to_pte(pfn);

		if (!is_pinned(*pte))
			continue;
		*pte = PTE_PRESENT | (*pte & PTE_NOSWAP);
		nr_pinned--;
	}
}

void pin_fork(enum fork_step step)
{
	lock_fork(&pin_lock, step);
	if (step != FORK_CHILD || !nr_pinned)
		return;
	for_each_zone(z)
		for (unsigned i = 0; i < z->nr_spans; i++)
			forget_pins(&z->span[i]);
}
