// SPDX-License-Identifier: MIT
/*
 * reclaim/room.c - who touches waits until there is room
 *
 * What a touch brings may be more than the limit allows: then swapd takes other
 * pages out first. Not for long: a thread that forks may hold swapd up.
 *
 * After fork() both processes have the same pages, which count once, and who
 * writes to one gets a copy that nobody was asked for. So where the group, or
 * the machine, has no room for copies of all of them, what is there is
 * protected, and the first write waits for room as a touch does. Pages that
 * come later are not shared.
 */
#include <errno.h>
#include "os/os.h"
#include "reclaim/service.h"

#define COPIES	     32 /* pages that may be written from one wait on */
#define ROOM_TRIES   10
#define ROOM_MS	     2
#define MOST_ROOM_MS 100
#define TRIES	     100 /* until the report of a fork has been read */

uint32_t nr_forks;
size_t pages_copied;
static unsigned want_room; /* servers that wait for swapd; atomic */

void room_init(void)
{
	want_room = 0;
	pages_copied = 0;
}

/* The cgroup is full: swapd makes room. */
void service_wait(void)
{
	uint32_t seen = READ_ONCE(swapd.progress);

	swap_ring();
	os_futex_wait(&swapd.progress, seen, ROOM_MS);
}

bool service_wants_room(void)
{
	return READ_ONCE(want_room);
}

/* What was copied since swapd looked is not in what it knows. */
static bool may_grow(size_t nr)
{
	return within_limit(nr + READ_ONCE(pages_copied));
}

/*
 * As long as pages leave, but not for ever: others may take what they free. If
 * all there is has to stay, the limit gives way; if the disk is slow, it does
 * not.
 */
void room_for(size_t nr)
{
	uint32_t seen, now;
	uint64_t start;

	if (likely(may_grow(nr)))
		return;
	start = os_clock_ms();
	if (start < READ_ONCE(swapd.stuck_until))
		return;
	__atomic_add_fetch(&want_room, 1, __ATOMIC_SEQ_CST);
	seen = READ_ONCE(swapd.progress);
	for (unsigned idle = 0; !may_grow(nr) && idle < ROOM_TRIES;) {
		stage_help(BATCH_PAGES);
		os_futex_wait(&swapd.progress, seen, ROOM_MS);
		now = READ_ONCE(swapd.progress);
		idle = now == seen ? idle + 1 : 0;
		seen = now;
		if (swap_at_disk()) {
			idle = 0;
			start = os_clock_ms();
		} else if (os_clock_ms() - start > MOST_ROOM_MS) {
			break;
		}
	}
	__atomic_sub_fetch(&want_room, 1, __ATOMIC_SEQ_CST);
}

/* ---- copies ---- */

/* Not as long as a report of a fork is unread. */
static int unprotect(struct server *s, uintptr_t start, uintptr_t end)
{
	int err;

	while ((err = os_uffd_unprotect(swapd.uffd, (void *)start,
					end - start)) == -EAGAIN)
		service_find_fork(s);
	return err;
}

/* How many pages of a range would become copies. */
static size_t nr_shared(uintptr_t start, size_t nr)
{
	bool shared[COPIES];
	size_t n = 0;

	if (os_pagemap_shared(swapd.pagemap, (void *)start, nr, shared))
		return nr;
	for (size_t i = 0; i < nr; i++)
		n += shared[i];
	return n;
}

void room_for_copies(struct server *s, const struct mapping *m, uintptr_t addr)
{
	const size_t size = COPIES << PAGE_SHIFT;
	uintptr_t start = addr, end = addr + PAGE_SIZE;
	size_t nr;

	if (m && addr >= m->start && addr < m->end) {
		start = max_size(align_down(addr, size), m->start);
		end = min_size(align_down(addr, size) + size, m->end);
	}
	nr = nr_shared(start, (end - start) >> PAGE_SHIFT);
	if (nr) {
		room_for(nr);
		__atomic_add_fetch(&pages_copied, nr, __ATOMIC_RELAXED);
	}
	/* a part of it may be something else now */
	if (unprotect(s, start, end) && unprotect(s, addr, addr + PAGE_SIZE))
		os_uffd_wake(swapd.uffd, (void *)addr, PAGE_SIZE);
}

static bool all_protected;

static void protect(uintptr_t start, uintptr_t end)
{
	int err, tries = TRIES;

	while ((err = os_uffd_protect(swapd.uffd, (void *)start,
				      end - start)) == -EAGAIN &&
	       --tries)
		os_yield();
	/* what else fails would fail again */
	all_protected &= err != -EAGAIN;
}

/* Where pages have to stay, somebody writes who cannot wait. */
static bool may_wait(pte_t v)
{
	return pte_state(v) != PTE_PINNED && !(v & PTE_NOSWAP);
}

static void protect_some(uintptr_t start, uintptr_t end, const pte_t *pte)
{
	while (start < end) {
		uintptr_t from = start;

		for (; start < end && may_wait(pte_read(pte)); pte++)
			start += PAGE_SIZE;
		if (from < start)
			protect(from, start);
		for (; start < end && !may_wait(pte_read(pte)); pte++)
			start += PAGE_SIZE;
	}
}

void protect_shared(uint32_t forks)
{
	static uint32_t done;

	if (likely(!copies_fill) || forks == done || mm_options.swap_usermode)
		return;
	all_protected = true;
	arm_windows();
	count_blocks();
	for_all_armed(protect_some);
	if (all_protected)
		done = forks;
}
