// SPDX-License-Identifier: MIT
/*
 * reclaim/swapoff.c - all that is out comes back
 *
 * For good, when the program wants to be alone in its process: then swapd and
 * the service end, and with them their descriptors. Or for a moment, when it
 * forks where a child cannot open the swap file (no /proc, no descriptor left):
 * it has to find everything in memory.
 *
 * swapd brings the pages itself, as only it takes any out.
 */
#include <errno.h>
#include "reclaim/service.h"

#define ROUNDS	   100 /* a block that moves may be missed */
#define ENDS_MS	   1000
#define FORK_FILES 16 /* descriptors that the service may need */

static struct server own; /* swapd, as one of the service */

int swapoff_init(void)
{
	own.coder = swapd.coder;
	own.buf = os_map(MAX_AHEAD * PAGE_SIZE);
	return own.buf ? 0 : -ENOMEM;
}

static bool bring_out_page(struct server *s, const struct mapping *m,
			   uintptr_t addr)
{
	if (page_kind(pte_settle(mapping_pte(m, addr))) != PTE_FROM_ZERO)
		service_bring(s, m, addr);
	return true;
}

/* There has to be memory for it: half of what is left is the program's. */
static bool has_room(void)
{
	size_t used, max = os_cgroup_memory(&used), ram;
	size_t left =
		min_size(max - min_size(max, used), os_ram_available(&ram));

	return READ_ONCE(pages_out) <= left / 2 >> PAGE_SHIFT;
}

int swap_bring_all(void)
{
	bool done = false;

	if (!has_room())
		return -ENOMEM;
	/* nobody waits for room meanwhile */
	WRITE_ONCE(swapd.stuck_until, UINT64_MAX);
	for (unsigned i = 0; i < ROUNDS && !done; i++) {
		count_blocks(); /* one that moves is not armed at first */
		service_walk(&own, bring_out_page);
		done = !READ_ONCE(pages_out) && !READ_ONCE(pages_staged);
	}
	WRITE_ONCE(swapd.stuck_until, 0);
	return done ? 0 : -EBUSY;
}

int swap_bring_to_end(void)
{
	int err = swap_bring_all();

	if (err)
		return err;
	/* who waits for them would do so for ever */
	orphans_see_to(&own);
	/* the first stage has to be missing: see swap_end() */
	stage_unlock();
	os_purge(swapd.staging, swapd.nr_stages << PAGE_SHIFT);
	WRITE_ONCE(page_limit, SIZE_MAX);
	WRITE_ONCE(copies_limit, SIZE_MAX);
	WRITE_ONCE(swap_ended, true);
	return 0;
}

/* A touch that nobody serves wakes the service, and ends with it. */
int swap_end(void)
{
	uint64_t start = os_clock_ms();
	long err = swap_ask(SWAP_END, NULL, 0);

	if (err)
		return (int)err;
	(void)READ_ONCE(*stage_addr(0));
	/* the process is alone when they are gone, not only on their way */
	while (stall_own_lives() && os_clock_ms() - start < ENDS_MS)
		os_yield();
	return 0;
}

bool swap_sees_forks(void)
{
	return likely(!swap_on) || swapd.forks;
}

bool swap_can_fork(void)
{
	return likely(!swap_on) || !swapd.forks ||
	       os_limit(OS_OPEN_FILES) >= FORK_FILES;
}

void swap_rest(int err)
{
	long lack;

	__atomic_add_fetch(&swap_rests, 1, __ATOMIC_SEQ_CST);
	lack = swap_ask(SWAP_BRING, NULL, 0);
	if (lack)
		mm_warn_once(
			"not all of the heap fits into memory (error %ld): forked children end where they touch what is out",
			-lack);
	mm_warn_once(
		"a forked child could not open the swap file and /proc/self/pagemap (error %d%s): children do not swap, and all comes back before each",
		-err,
		err == -EMFILE
			? "; raise ulimit -n"
			: "; mount /proc in the new root, or let the process be dumpable");
}

void swap_go_on(void)
{
	__atomic_sub_fetch(&swap_rests, 1, __ATOMIC_SEQ_CST);
}
