// SPDX-License-Identifier: MIT
/*
 * reclaim/swapd.c - the thread swapd: when pages leave, and how many
 *
 * It sleeps until the bell rings or it is time to look round. Then it does what
 * was asked for (swap_ask), keeps resident memory below the limit, lets the
 * hand go on so that it is round in half of swap_age, stores what has been in
 * its stage for the other half, and lets the store tidy up.
 *
 * swapd and the service live in a table of descriptors of their own, so the
 * program can neither see nor close theirs, and keep their root directory when
 * it changes its own.
 */
#include <errno.h>
#include "os/os.h"
#include "reclaim/swapd.h"

#define TICK_MS	     100
#define BUSY_MS	     20
#define EVICT_PAGES  256 /* looked at before what else there is to do */
#define STUCK_SCANS  10	 /* rounds without success: nothing more will go */
#define STUCK_MS     100 /* for so long */
#define MAX_TIDY     64
#define LEAST_SCAN   32 /* pages */
#define STAGED_SHARE 16 /* of it, staged while memory is wanted */
#define READY_MS     100
#define ASKED_BYTES  MIB(4)

enum { STARTING, RUNNING, FAILED };

static struct os_thread *thread;
static uint32_t status; /* futex: STARTING, RUNNING or FAILED */
static int error;	/* why FAILED */
static uint64_t scanned_ms;
static uint64_t rest_until; /* ms; nothing more goes before */

/* ---- work ---- */

static void tell_progress(void)
{
	__atomic_add_fetch(&swapd.progress, 1, __ATOMIC_RELEASE);
	os_futex_wake(&swapd.progress);
}

static size_t store_some(size_t nr, uint64_t before)
{
	size_t n;

	/* who forks waits for the lock, and malloc() for who forks */
	swap_ease(swapd.coder);
	lock_acquire(&scan_lock);
	n = store_stages(nr, before);
	lock_release(&scan_lock);
	return n;
}

static void tidy(void)
{
	for (unsigned i = 0; i < MAX_TIDY && swap_balance(swapd.coder, false);
	     i++)
		;
}

/* All that came before @position and @before; as far as it goes for now. */
static void store_until(uint64_t position, uint64_t before)
{
	uint64_t tail;

	do {
		tail = swapd.tail;
		store_some(min_size(position - tail, STORE_PAGES), before);
		tidy();
		set_limit();
	} while (swapd.tail != tail && swapd.tail < position);
}

static bool staging_is_half_full(void)
{
	return swapd.head - swapd.tail > swapd.nr_stages / 2;
}

/*
 * Pages may wait in the staging while memory is wanted, but few: a touch that
 * finds its page there still costs a fault (bench/swap: a sixteenth instead of
 * a quarter serves hot pages 1.7 times as fast, a thirty-second no better). It
 * fills and empties by turns, so that pages move in batches.
 */
static bool enough_staged(void)
{
	static bool enough;
	size_t more = enough ? 0 : BATCH_PAGES;

	/* what another process has, too, is more memory until it is stored */
	if (swapd.copies)
		return true;
	enough = READ_ONCE(pages_staged) > pages_heap() / STAGED_SHARE + more ||
		 staging_is_half_full();
	return enough;
}

static void serve_request(bool busy);

/*
 * Get the heap below so many pages. What is free goes first. Stages fill up to
 * their share first, then for every page that is stored another is staged. Also
 * what does not shrink is stored, as there may be a file. If nothing goes, it
 * rests before it tries again. Returns how many have gone: others may have come
 * meanwhile.
 */
static size_t shrink(size_t target)
{
	size_t tried = 0, gone = 0;

	if (os_clock_ms() < rest_until)
		return 0;
	if (pages_resident() > target)
		gone = reclaim_free(pages_resident() - target);
	swapd.always = true;
	while (pages_resident() > target) {
		size_t want = min_size(pages_resident() - target, EVICT_PAGES);
		size_t n = 0;

		if (enough_staged() || tried > pages_to_scan())
			n = store_some(STORE_PAGES, UINT64_MAX);
		/* nothing is left but the pool */
		if (!n && tried > pages_to_scan() && swap_spill(swapd.coder))
			n = 1;
		gone += n;
		tried = n ? 0 : tried + want;
		if (!n)
			scan_pages(want, tried > pages_to_scan()
						 ? AGING
						 : UNDER_PRESSURE);
		if (!swap_room() ||
		    tried > STUCK_SCANS * (pages_to_scan() + want)) {
			rest_until = os_clock_ms() + STUCK_MS;
			if (pages_resident() > page_goal)
				WRITE_ONCE(swapd.stuck_until, rest_until);
			break;
		}
		tell_progress();
		tidy();
		set_limit(); /* this may go on for long */
		serve_request(true);
	}
	swapd.always = false;
	return gone;
}

static void keep_limit(void)
{
	size_t gap = limit_gap(page_goal);

	if (page_goal == SIZE_MAX || pages_resident() <= page_goal - gap)
		return;
	shrink(page_goal - 2 * gap);
}

/* The hand's share of a round for the time that has passed. */
static void age(void)
{
	uint64_t now = os_clock_ms(), half = mm_options.swap_age * 500UL;
	uint64_t passed = min_size(now - scanned_ms, half);
	size_t nr = pages_to_scan() * passed / half;

	if (nr < LEAST_SCAN)
		return;
	scanned_ms = now;
	for (size_t n; nr; nr -= n) {
		n = min_size(nr, EVICT_PAGES);
		scan_pages(n, AGING);
		/* a large heap has no time to wait there */
		if (staging_is_half_full() || swapd.copies)
			store_some(EVICT_PAGES, UINT64_MAX);
		tidy();
		set_limit();
		serve_request(true);
	}
}

static void store_old(void)
{
	uint64_t half = mm_options.swap_age * 500UL, now = os_clock_ms();

	if (now > half)
		store_until(swapd.head, now - half);
}

static void stress(void)
{
	swapd.always = true;
	scan_pages(EVICT_PAGES, UNDER_PRESSURE);
	store_some(EVICT_PAGES / 2, UINT64_MAX);
	tidy();
	swapd.always = false;
}

/* ---- requests ---- */

static long reclaim_bytes(size_t bytes)
{
	uint64_t rest = rest_until;
	size_t before, nr;

	count_blocks();
	before = pages_resident();
	nr = min_size(bytes >> PAGE_SHIFT, before);
	shrink(before - nr);
	/* it may have asked for more than there was: that says nothing */
	rest_until = rest;
	return (long)((before - min_size(before, pages_resident()))
		      << PAGE_SHIFT);
}

/*
 * And a bit, so that the next one need not ask. Threads ask one after another,
 * and for the next the room may be there by then. It may be more than a step.
 */
static long make_room(size_t bytes)
{
	size_t goal = page_goal, pages = (bytes >> PAGE_SHIFT) + SLAB_PAGES;
	size_t target = goal - min_size(pages + goal / 16, goal), before;
	bool made;

	count_blocks();
	before = pages_resident();
	made = before <= target || shrink(target) || pages_resident() < before;
	if (READ_ONCE(page_limit) < page_goal &&
	    pages_resident() + pages <= page_goal)
		limit_raise(pages);
	return made;
}

static long swap_range(uintptr_t start, uintptr_t end)
{
	for (uintptr_t next; start < end; start = next) {
		/* no more than has room in the staging */
		next = min_size(end, start + ASKED_BYTES);
		scan_range(start, next);
		store_until(swapd.head, UINT64_MAX);
	}
	return 0;
}

static long answer(const struct swap_request *r)
{
	if (READ_ONCE(swap_rests) &&
	    (r->op == SWAP_RECLAIM || r->op == SWAP_ROOM || r->op == SWAP_OUT))
		return 0;
	switch (r->op) {
	case SWAP_ARM:
		return arm_mapping(r->p);
	case SWAP_ARM_RANGE:
		arm_range((uintptr_t)r->p, (uintptr_t)r->p + r->size);
		return 0;
	case SWAP_WATCH:
		return os_uffd_register(swapd.uffd, r->p, r->size);
	case SWAP_RECLAIM:
		return reclaim_bytes(r->size);
	case SWAP_ROOM:
		return make_room(r->size);
	case SWAP_OUT:
		return swap_range((uintptr_t)r->p, (uintptr_t)r->p + r->size);
	case SWAP_BRING:
		return swap_bring_all();
	case SWAP_FOLLOW:
		return ids_adopt_swapd();
	case SWAP_FILE:
		swap_make_file();
		return 0;
	case SWAP_END:
		return swap_bring_to_end();
	default:
		return -EINVAL;
	}
}

/* @busy: only what is quick, and whoever asks may hold others up */
static void serve_request(bool busy)
{
	struct swap_request *r = &swap_request;

	if (__atomic_load_n(&r->state, __ATOMIC_ACQUIRE) != REQUEST_MADE ||
	    (busy && r->op > SWAP_FILE))
		return;
	r->result = answer(r);
	__atomic_store_n(&r->state, REQUEST_DONE, __ATOMIC_RELEASE);
	os_futex_wake(&r->state);
}

/* ---- the thread ---- */

static void sleep_until_bell(uint32_t heard, unsigned ms)
{
	__atomic_store_n(&swapd_sleeps, true, __ATOMIC_SEQ_CST);
	/* pairs with swap_ring() */
	if (__atomic_load_n(&swap_bell, __ATOMIC_SEQ_CST) == heard)
		os_futex_wait(&swap_bell, heard, ms);
	__atomic_store_n(&swapd_sleeps, false, __ATOMIC_SEQ_CST);
}

bool swap_is_alone(void)
{
	int tids[SWAP_THREADS + 2];

	return os_threads(tids, ARRAY_SIZE(tids)) == SWAP_THREADS + 1;
}

/*
 * The last thread of the program's may end without ending the process, by a
 * system call of its own or as seccomp has it. Then it does not go on for us.
 */
void end_with_program(void)
{
	static uint64_t next_ms;
	int status;

	if (os_clock_ms() < next_ms)
		return;
	next_ms = os_clock_ms() + TICK_MS;
	/* the first thread is listed until the process ends */
	if (!swap_is_alone())
		return;
	status = os_first_ended();
	if (status >= 0)
		os_end(status);
}

static void work(void)
{
	end_with_program();
	stage_unlock();
	serve_request(false);
	pressure_note();
	if (READ_ONCE(swap_rests) || swap_ended)
		return;
	if (set_limit())
		tell_progress();
	keep_limit();
	if (mm_options.swap_stress) {
		stress();
		return;
	}
	age();
	store_old();
	swap_balance(swapd.coder, true);
}

/* In a child the parent's service lets go of the pages in a moment. */
int uffd_register(int uffd, void *p, size_t size)
{
	int err;

	while ((err = os_uffd_register(uffd, p, size)) == -EBUSY)
		os_yield();
	return err;
}

static int set_up(void)
{
	int err;

	os_close_all_but(fork_file);
	if (!mm_options.swap_dir || *mm_options.swap_dir == '/')
		os_leave_folder();
	os_reserve_stdio();
	swapd.uffd = os_uffd_open(mm_options.swap_usermode, &swapd.forks);
	if (swapd.uffd < 0)
		return swapd.uffd;
	swapd.pagemap = os_pagemap_open();
	if (swapd.pagemap < 0)
		return swapd.pagemap;
	/* now: the program may forbid itself to open more */
	swapd.statm = os_statm_open();
	err = orphans_init();
	if (!err)
		err = ids_init();
	if (!err)
		err = uffd_register(swapd.uffd, swapd.staging,
				    swapd.nr_stages << PAGE_SHIFT);
	for (struct armed_range r = { 0 }; !err && next_armed(&r);)
		err = uffd_register(swapd.uffd, (void *)r.start,
				    r.end - r.start);
	return err ? err : service_start();
}

static void swapd_main(void *arg)
{
	(void)arg;
	os_thread_name("mm-swapd");
	swapd.tid = os_gettid();
	swapd.proc_tid = os_proc_tid();
	swapd.process = os_process();
	stall_own(NR_SERVERS, swapd.tid);
	error = set_up();
	if (!error)
		set_limit();
	scanned_ms = os_clock_ms();
	__atomic_store_n(&status, error ? FAILED : RUNNING, __ATOMIC_RELEASE);
	os_futex_wake(&status);
	while (!error) {
		uint32_t heard = __atomic_load_n(&swap_bell, __ATOMIC_SEQ_CST);

		work();
		if (swap_ended)
			break;
		if (!mm_options.swap_stress)
			sleep_until_bell(heard,
					 copies_fill ? BUSY_MS : TICK_MS);
	}
}

int swapd_start(void)
{
	int err;

	*swapd_lives = true;
	swapd.stuck_until = rest_until = 0;
	limit_forget();
	swapd.always = false;
	/* before the first page leaves; pairs with swapd_orphaned() */
	smp_store_release(&swap_on, true);
	__atomic_store_n(&status, STARTING, __ATOMIC_RELAXED);
	err = os_thread_start(thread, swapd_main, NULL, true);
	if (err < 0)
		return err;
	while (__atomic_load_n(&status, __ATOMIC_ACQUIRE) == STARTING)
		os_futex_wait(&status, STARTING, READY_MS);
	return error;
}

/* ---- from outside ---- */

__cold void swap_refuse(int err)
{
	if (err == -EPERM)
		mm_warn("swap is off: this user may not use userfaultfd for the kernel's own accesses. Set vm.unprivileged_userfaultfd=1 with sysctl, or give access to /dev/userfaultfd");
	else if (err == -ENOENT || err == -EACCES)
		mm_warn("swap is off: /proc/self/pagemap cannot be read");
	else if (err == -ENOSYS)
		mm_warn("swap is off: the kernel, or a filter (seccomp), lets nobody use userfaultfd");
	else if (err == -EOPNOTSUPP)
		mm_warn("swap is off: the kernel has no UFFDIO_MOVE. Use Linux 6.8 or newer");
	else
		mm_warn("swap is off: cannot set it up (error %d)", -err);
}

static void configure(struct swap_config *c)
{
	size_t ram = os_ram(), limit = os_cgroup_max();

	if (mm_options.limit)
		limit = min_size(limit, mm_options.limit);
	*c = (struct swap_config){
		.file_max = mm_options.swap,
		.pool_max = mm_options.swap_pool,
		.disk_min = MIB(64),
		.dir = mm_options.swap_dir,
		.crypt = mm_options.swap_crypt,
	};
	if (!c->pool_max)
		c->pool_max = limit < ram ? limit / 3 : ram / 5;
	/* it counts, too, and something has to be left for the heap */
	c->pool_max = min_size(c->pool_max, limit / 4 * 3);
	if (c->file_max == SIZE_AUTO)
		c->file_max = ram * 2;
}

void swap_start(void)
{
	struct swap_config config;
	int err;

	if (!mm_options.swap)
		return;
	if (os_page_size() != PAGE_SIZE) {
		mm_warn("swap is off: it needs a kernel with pages of 4 KiB, this one has %zu",
			os_page_size());
		return;
	}
	configure(&config);
	thread = os_thread_new();
	swapd_lives = os_map(PAGE_SIZE);
	err = thread && swapd_lives ? swap_init(&config) : -ENOMEM;
	if (!err)
		err = os_advise(swapd_lives, PAGE_SIZE, OS_WIPEONFORK);
	if (!err)
		err = stage_init();
	if (!err)
		err = service_init();
	swapd.coder = err ? NULL : swap_coder_new(true);
	if (!err)
		err = swapd.coder ? swapoff_init() : -ENOMEM;
	if (!err)
		err = swapd_start();
	if (err) {
		swap_on = false;
		swap_refuse(err);
	}
}
