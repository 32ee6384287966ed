// SPDX-License-Identifier: MIT
/*
 * reclaim/orphan.c - children that were made behind our back
 *
 * By a system call instruction of the program's: no handler ran, so such a
 * child has no service, and what is out at home is missing in it. It is to get
 * all of that, as it was when the child was made. A thread of the service goes
 * through all entries for that; what comes home before its turn is given to it
 * first (orphans_give), and who frees or moves what is out waits
 * (orphans_wait). What a child touches waits, too.
 *
 * A second descriptor, which watches over one page behind the staging, orders
 * this. A child is reported to both, and to this one last, as the page has the
 * higher address; until both reports are read its parent's thread waits, and
 * pages that are watched over do not come home. Whose child it is, is known
 * before the second is read. So when the thread goes on, the child is on the
 * list; and who has brought a page home while somebody else reads reports only
 * needs to ask (orphans_settled), as long as it still has the contents. From
 * its stage a page is given before it comes home, too; if the kernel then moves
 * it, and does not copy it, it is the parent's alone: nobody was made since.
 *
 * A block that another thread frees while the system call runs may be zeros in
 * the child.
 *
 * Owns the list of such children, and the second descriptor. Its lock is the
 * last that is taken, by the service and swapd only; who holds it waits for
 * nothing but reports of those children's own.
 */
#include <errno.h>
#include <string.h>
#include "os/os.h"
#include "reclaim/service.h"

#define MAX_ORPHANS 256 /* half of them for children of children */
#define FULL_MS	    10000

static struct mm_lock lock = LOCK(ORPHAN);
static int orphan[MAX_ORPHANS]; /* a descriptor for each */
static bool seen_to;		/* somebody goes through all entries */
static uint64_t full_since;	/* there is no memory; 0: there is */
static int last_uffd;		/* the second descriptor; -1: no reports */

static void add(int uffd)
{
	if (swap_orphans == MAX_ORPHANS)
		bug("swap: more than %d children at a time that were made without fork()",
		    MAX_ORPHANS);
	orphan[swap_orphans] = uffd;
	/* pairs with who is about to bring a page, or to free it */
	__atomic_store_n(&swap_orphans, swap_orphans + 1, __ATOMIC_SEQ_CST);
}

void orphan_add(int uffd)
{
	__atomic_add_fetch(&nr_forks, 1, __ATOMIC_RELAXED);
	lock_acquire(&lock);
	add(uffd);
	lock_release(&lock);
}

/*
 * Its parent's thread is on its way to the second report, however long it does
 * not run. If it was killed there is none, and nothing is changing any more.
 */
void orphan_order(void)
{
	struct os_touch touch;

	do {
		if (!os_uffd_look(last_uffd, &touch)) {
			if (touch.child >= 0)
				os_close(touch.child);
			return;
		}
		os_yield();
	} while (!orphans_settled());
}

bool orphans_settled(void)
{
	return last_uffd < 0 ||
	       !os_uffd_is_changing(last_uffd, stage_addr(swapd.nr_stages));
}

/* It forks itself: its child lacks what it lacks. */
static void see_kin(int uffd)
{
	struct os_touch touch;
	int err = os_uffd_look(uffd, &touch);

	if (err && err != -EAGAIN)
		bug("swap: cannot read of the children of a child that was made without fork() (error %d)",
		    -err);
	if (err || touch.child < 0)
		os_yield();
	else
		add(touch.child);
}

/* False if there is no memory. What it has, or has unmapped, is its own. */
static bool give_page(int uffd, void *to, const char *from)
{
	long r;

	while ((r = os_uffd_copy(uffd, to, from, PAGE_SIZE)) == -EAGAIN)
		see_kin(uffd);
	return r != -ENOMEM;
}

bool __orphans_give(uintptr_t addr, const char *from, size_t nr)
{
	bool ok = true;

	lock_acquire(&lock);
	for (unsigned i = 0; ok && i < swap_orphans; i++)
		for (size_t off = 0; ok && off < nr << PAGE_SHIFT;
		     off += PAGE_SIZE)
			ok = give_page(orphan[i], (void *)(addr + off),
				       from + off);
	if (ok || !full_since)
		full_since = ok ? 0 : os_clock_ms();
	else if (os_clock_ms() - full_since > FULL_MS)
		bug("swap: no memory for the pages of a child that was made without fork(). Give its cgroup more");
	lock_release(&lock);
	return ok;
}

bool orphans_full(void)
{
	return READ_ONCE(swap_orphans) > MAX_ORPHANS / 2;
}

/*
 * Who has called it gives them all that is out. How many that is for; 0 if
 * there is none, or somebody else is at it. Those that come meanwhile are for
 * the next time.
 */
static unsigned begin_giving(void)
{
	unsigned nr;

	lock_acquire(&lock);
	nr = seen_to ? 0 : swap_orphans;
	seen_to = nr || seen_to;
	lock_release(&lock);
	return nr;
}

/* These have all: let them go. */
static void end_giving(unsigned nr)
{
	lock_acquire(&lock);
	for (unsigned i = 0; i < nr; i++)
		os_close(orphan[i]);
	memmove(orphan, orphan + nr, (swap_orphans - nr) * sizeof(orphan[0]));
	WRITE_ONCE(swap_orphans, swap_orphans - nr);
	seen_to = false;
	lock_release(&lock);
}

/* ---- what they get ---- */

/*
 * A page that is out at home is not there in the children either. The entry is
 * ours meanwhile, so nobody brings the page. False if it has to be tried again.
 */
static bool give_page_of(struct server *s, const struct mapping *m,
			 uintptr_t addr)
{
	pte_t *pte = mapping_pte(m, addr);
	unsigned kind = page_kind(pte_settle(pte));
	const char *from = s->buf;
	pte_t old;
	bool ok;
	int err;

	while (kind != PTE_FROM_ZERO && !service_claim(pte, &old, kind))
		kind = page_kind(pte_settle(pte));
	if (kind == PTE_FROM_ZERO)
		return true;
	if (kind == PTE_FROM_STAGE)
		from = stage_addr(pte_value(old));
	else if ((err = swap_load(s->coder, pte_value(old), s->buf, true)))
		page_lost(addr, err);
	ok = orphans_give(addr, from, 1);
	service_unclaim(pte, old);
	return ok;
}

void orphans_see_to(struct server *s)
{
	unsigned nr;

	while ((nr = begin_giving())) {
		service_step_back(s);
		service_walk(s, give_page_of);
		end_giving(nr);
	}
}

int orphans_init(void)
{
	bool forks;
	int err;

	lock_init(&lock);
	seen_to = false;
	full_since = 0;
	last_uffd = -1;
	if (!swapd.forks)
		return 0;
	last_uffd = os_uffd_open(mm_options.swap_usermode, &forks);
	if (last_uffd < 0)
		return last_uffd;
	if (!forks)
		return -EPERM;
	err = uffd_register(last_uffd, stage_addr(swapd.nr_stages), PAGE_SIZE);
	/* nobody reads touches there: it has to be there from the start */
	if (!err)
		orphans_settled();
	return err;
}
