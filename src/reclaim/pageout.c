// SPDX-License-Identifier: MIT
/*
 * reclaim/pageout.c - pages leave: to a stage first, then into the store
 *
 * The kernel moves pages to the staging without copying them, and refuses those
 * that a device has pinned. A page whose place was empty comes out as a page of
 * zeros. What stays in its stage untouched is coded.
 *
 * Invariant: the contents of a page are in exactly one place, which its entry
 * names: its own (PRESENT, PINNED), a stage (STAGED, PACKING), the store
 * (SWAPPED). While it is MOVING or FILLING it may be in either.
 */
#include <errno.h>
#include "os/os.h"
#include "reclaim/swapd.h"
#include "slab/slab.h"

#define RETRIES	     4
#define MOST_STAGED  MIB(256) /* of address space */
#define LEAST_STAGED MIB(8)
#define POST_MS	     1
#define SCATTERED    4	 /* pages a run: fewer are worth a wait for a touch */
#define LEAVE_ALONE  200 /* rounds, for what could not be taken */

enum { OURS, POSTED, TAKEN };

/* Pages on their way to the staging: claimed, and not moved yet. */
struct run {
	uintptr_t addr;
	pte_t *pte;
	uint64_t stage; /* of the first */
	size_t nr, moved;
};
static struct {
	uint32_t state; /* futex: whose it is */
	unsigned nr_runs, nr_pages;
	unsigned helped; /* runs that the service has seen to */
	struct run run[BATCH_PAGES];
} batch;

struct swapd swapd = { .uffd = -1, .pagemap = -1 };

static const struct core_info core_info __attribute__((used, retain)) = {
	CORE_MAGIC, &core_info, &windows[0], &mm_pgtable, &swapd, &swap_core,
};

int stage_init(void)
{
	size_t size = MOST_STAGED;

	swapd.staging =
		os_reserve_part(&size, LEAST_STAGED, BATCH_PAGES << PAGE_SHIFT);
	/* one is for orphan.c */
	swapd.nr_stages = (size >> PAGE_SHIFT) - 1;
	stages = os_map((size >> PAGE_SHIFT) * sizeof(*stages));
	if (!swapd.staging || !stages || os_commit(swapd.staging, size))
		return -ENOMEM;
	return 0;
}

/* Drop what is in stages that hold nobody's page. */
static void purge_free(void)
{
	size_t head = swapd.head % swapd.nr_stages;
	size_t nr = swapd.nr_stages - (swapd.head - swapd.tail);
	size_t first = min_size(nr, swapd.nr_stages - head);

	os_purge(stage_addr(head), first << PAGE_SHIFT);
	os_purge(stage_addr(0), (nr - first) << PAGE_SHIFT);
}

void stage_unlock(void)
{
	os_unlock(swapd.staging, swapd.nr_stages << PAGE_SHIFT);
	if (unlikely(__atomic_exchange_n(&swapd.touched, false,
					 __ATOMIC_ACQ_REL)))
		purge_free();
}

/* ---- to the staging ---- */

static pte_t leave_alone(pte_t v)
{
	return pte_make(PTE_PRESENT | (v & PTE_LEVEL_MASK), LEAVE_ALONE);
}

/* Entries become MOVING; how many. */
static size_t claim(uintptr_t addr, pte_t *pte, uint64_t first, size_t nr)
{
	size_t n = 0;

	for (; n < nr; n++) {
		uint64_t stage = first + n;
		pte_t v = pte_read(&pte[n]);

		if (pte_state(v) != PTE_PRESENT || v & PTE_NOSWAP)
			break;
		stages[stage] = (struct stage){ addr + (n << PAGE_SHIFT),
						&pte[n], os_clock_ms() };
		if (!pte_cas(
			    &pte[n], &v,
			    pte_make(PTE_MOVING | (v & PTE_LEVEL_MASK), stage)))
			break;
	}
	return n;
}

static void look(const void *p, size_t nr, bool *has)
{
	if (os_pagemap_read(swapd.pagemap, p, nr, has))
		bug("swap: cannot read /proc/self/pagemap any more");
}

enum fate { STAYED, MOVED, WAS_EMPTY };

/*
 * Errors do not tell: a page may have been moved nevertheless. Sees to the
 * first page, and if it is not there to all up to the next that is; how many.
 */
static size_t find(const char *stage, const char *page, size_t nr,
		   enum fate *fate)
{
	bool here[BATCH_PAGES], there[BATCH_PAGES];
	size_t n = 0;

	look(page, nr, here);
	look(stage, nr, there);
	for (; n < nr && !here[n]; n++)
		fate[n] = there[n] ? MOVED : WAS_EMPTY;
	if (!n)
		fate[n++] = STAYED;
	return n;
}

/* A write to a page that is protected would wait for swapd. */
static bool make_own(void *page)
{
	if (os_uffd_unprotect(swapd.uffd, page, PAGE_SIZE) == -EAGAIN)
		return false;
	swapd.copies = copies_fill;
	__atomic_add_fetch(&pages_copied, copies_fill, __ATOMIC_RELAXED);
	return !os_advise(page, PAGE_SIZE, OS_UNSHARE);
}

/*
 * Move the pages of a run that are left. A page that is shared with a forked
 * process is made our own first; one that is pinned by a device, locked or
 * protected stays.
 */
static void move_out(const struct run *run, enum fate *fate)
{
	size_t most = run->nr;
	unsigned tries = 0;

	for (size_t i = 0; i < run->nr;) {
		char *page = (char *)run->addr + (i << PAGE_SHIFT);
		char *stage = stage_addr(run->stage + i);
		size_t nr = min_size(run->nr - i, most);
		long r = i < run->moved ? (long)(run->moved << PAGE_SHIFT)
					: os_uffd_move(swapd.uffd, stage, page,
						       nr << PAGE_SHIFT, false);

		if ((r == -EAGAIN && tries++ < RETRIES) ||
		    (r == -EBUSY && !tries++ && make_own(page)))
			continue;
		tries = 0;
		/* perhaps it crosses a border of the kernel's mappings */
		if (r == -EINVAL && nr > 1) {
			most = 1;
			continue;
		}
		if (r <= 0)
			i += find(stage, page, nr, &fate[i]);
		for (; r > 0; r -= PAGE_SIZE)
			fate[i++] = MOVED;
	}
}

static bool change_hands(uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&batch.state, &from, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/*
 * A page that moves has to leave the TLBs of all CPUs where the program runs,
 * and to ask one that is not our own takes ten times as long as the rest. So if
 * the program touches what is out on one CPU only, the service, which runs
 * there, moves the batch at the next touches, and swapd sleeps: its CPU then
 * need not be asked. What nobody has moved after a while it moves itself.
 */
static void post(void)
{
	static uint64_t seen;
	uint64_t now = service_followed();
	uint32_t state;

	/* runs of adjacent pages leave all TLBs together */
	if (now == seen || service_wants_room() ||
	    batch.nr_runs * SCATTERED < batch.nr_pages)
		return;
	seen = now;
	batch.helped = 0;
	__atomic_store_n(&batch.state, POSTED, __ATOMIC_RELEASE);
	for (bool waited = false;; waited = true) {
		state = __atomic_load_n(&batch.state, __ATOMIC_ACQUIRE);
		if (state == OURS ||
		    (waited && state == POSTED && change_hands(POSTED, OURS)))
			return;
		os_futex_wait(&batch.state, state, POST_MS);
	}
}

void stage_help(size_t most)
{
	if (likely(READ_ONCE(batch.state) != POSTED) ||
	    !change_hands(POSTED, TAKEN))
		return;
	for (size_t n = 0; n < most && batch.helped < batch.nr_runs;) {
		struct run *run = &batch.run[batch.helped++];
		long r = os_uffd_move(swapd.uffd, stage_addr(run->stage),
				      (void *)run->addr, run->nr << PAGE_SHIFT,
				      false);

		run->moved = r > 0 ? (size_t)r >> PAGE_SHIFT : 0;
		n += run->nr;
	}
	if (batch.helped < batch.nr_runs) {
		__atomic_store_n(&batch.state, POSTED, __ATOMIC_RELEASE);
		return;
	}
	__atomic_store_n(&batch.state, OURS, __ATOMIC_RELEASE);
	os_futex_wake(&batch.state);
}

/* Say where the pages are now. */
static void settle(const struct run *run, const enum fate *fate)
{
	for (size_t i = 0; i < run->nr; i++) {
		pte_t v = pte_read(&run->pte[i]);

		if (fate[i] != STAYED)
			slab_mark_out((char *)run->addr + (i << PAGE_SHIFT));
		if (fate[i] == MOVED) {
			__atomic_add_fetch(&pages_staged, 1, __ATOMIC_RELAXED);
			pte_write(&run->pte[i],
				  pte_make(PTE_STAGED | (v & PTE_LEVEL_MASK),
					   run->stage + i));
			continue;
		}
		stage_leave(run->stage + i);
		if (fate[i] == STAYED) {
			pte_write(&run->pte[i], leave_alone(v));
			continue;
		}
		/* nothing at its place is zeros */
		__atomic_add_fetch(&pages_out, 1, __ATOMIC_RELAXED);
		pte_write(&run->pte[i], pte_make(PTE_SWAPPED, swap_filled(0)));
	}
}

bool stage_has_claims(void)
{
	return batch.nr_pages;
}

bool stage_flush(void)
{
	enum fate fate[BATCH_PAGES];
	size_t empty = 0;

	if (!batch.nr_pages)
		return false;
	post();
	for (unsigned i = 0; i < batch.nr_runs; i++) {
		const struct run *run = &batch.run[i];

		move_out(run, fate);
		settle(run, fate);
		for (size_t k = 0; k < run->nr; k++)
			empty = fate[k] == WAS_EMPTY ? empty + 1 : 0;
	}
	stat_add_global(STAT_pgsteal, batch.nr_pages);
	/* the last ones may be used again */
	WRITE_ONCE(swapd.head, swapd.head + batch.nr_pages - empty);
	batch.nr_runs = batch.nr_pages = 0;
	return true;
}

size_t stage_pages(uintptr_t addr, pte_t *pte, size_t nr)
{
	uint64_t head = swapd.head + batch.nr_pages;
	uint64_t first = head % swapd.nr_stages;
	struct run *run = &batch.run[batch.nr_runs];
	size_t n;

	nr = min_size(nr, min_size(swapd.nr_stages - first,
				   swapd.tail + swapd.nr_stages - head));
	n = claim(addr, pte, first, min_size(nr, BATCH_PAGES - batch.nr_pages));
	if (!n)
		return 1;
	*run = (struct run){ addr, pte, first, n, 0 };
	batch.nr_runs++;
	batch.nr_pages += n;
	if (batch.nr_pages == BATCH_PAGES)
		stage_flush();
	return n;
}

/* ---- and back ---- */

int move_back(uintptr_t addr, uint64_t stage, bool shared)
{
	char *from = stage_addr(stage), *to = (char *)addr;
	long r = shared ? -EBUSY
			: os_uffd_move(swapd.uffd, to, from, PAGE_SIZE, true);
	bool there = shared;

	if (r > 0)
		return 0;
	if (r == -EAGAIN)
		return -EAGAIN;
	/* an error although it was moved: a fault of Linux 6.18 */
	if (!there)
		look(from, 1, &there);
	if (there)
		r = os_uffd_copy(swapd.uffd, to, from, PAGE_SIZE);
	else
		r = -EEXIST;
	if (r == -EEXIST)
		os_uffd_wake(swapd.uffd, to, PAGE_SIZE);
	if (r > 0 || r == -EEXIST)
		return there;
	return r == -ENOMEM ? -EAGAIN : (int)r;
}

/* ---- to the store ---- */

static void give(uintptr_t addr, uint64_t stage)
{
	while (!orphans_settled() || !orphans_give(addr, stage_addr(stage), 1))
		os_yield();
}

/*
 * It cannot be stored: let the program have it again. While realloc moves its
 * block, that is not possible: then it stays in its stage.
 */
static void give_back(uintptr_t addr, pte_t *pte, pte_t v, uint64_t stage)
{
	pte_t rest = v & ~PTE_STATE_MASK;
	int err;

	if (!pte_cas(pte, &v, rest | PTE_FILLING | PTE_FROM_STAGE))
		return;
	give(addr, stage);
	while ((err = move_back(addr, stage, false)) == -EAGAIN)
		os_yield();
	if (err < 0) {
		pte_write(pte, rest | PTE_STAGED);
		return;
	}
	if (err > 0)
		give(addr, stage);
	__atomic_sub_fetch(&pages_staged, 1, __ATOMIC_RELAXED);
	stage_leave(stage);
	pte_write(pte, leave_alone(v));
}

/* An eighth of the heap leaves in an epoch. */
static pte_t epoch(void)
{
	if (swapd.tail >= swapd.epoch_end) {
		swapd.epoch++;
		swapd.epoch_end = swapd.tail + pages_heap() / EPOCHS;
	}
	return (pte_t)swapd.epoch << PTE_EPOCH_SHIFT;
}

/* The entry of the page in a stage, and its place; NULL if there is none. */
static pte_t *stage_entry(uint64_t stage, pte_t *v)
{
	pte_t *pte = __atomic_load_n(&stages[stage].pte, __ATOMIC_ACQUIRE);

	if (!pte)
		return NULL;
	*v = pte_read(pte);
	return pte_value(*v) == stage ? pte : NULL;
}

pte_t *stage_pack(uint64_t stage, pte_t *v)
{
	pte_t *pte = stage_entry(stage, v), new;

	if (!pte)
		return NULL;
	new = (*v & ~PTE_STATE_MASK) | PTE_PACKING;
	if (pte_state(*v) == PTE_STAGED && pte_cas(pte, v, new))
		*v = new;
	return *v == new ? pte : NULL;
}

bool stage_is_packing(uint64_t stage)
{
	pte_t v;

	return stage_entry(stage, &v) && pte_state(v) == PTE_PACKING;
}

static void unpack(uint64_t stage)
{
	pte_t v, *pte = stage_entry(stage, &v);

	if (pte && pte_state(v) == PTE_PACKING)
		pte_cas(pte, &v, (v & ~PTE_STATE_MASK) | PTE_STAGED);
}

/*
 * What comes back in long runs waits for the coder; what comes back page by
 * page waits for the fault, and the more fit into memory the fewer there are.
 */
static unsigned how_to_store(void)
{
	return (swapd.always ? SWAP_ALWAYS : 0) |
	       (service_reads_ahead() ? SWAP_QUICKLY : 0);
}

/* The oldest stage; true if its page is in the store now. */
static bool store_stage(uint64_t stage)
{
	struct stage *s = &stages[stage];
	pte_t v, *pte = stage_pack(stage, &v);
	swp_t swp;
	int err;

	if (!pte)
		return false;
	err = swap_store(swapd.coder, stage_addr(stage), how_to_store(), &swp);
	if (err) {
		give_back(s->addr, pte, v, stage);
		stat_add_global(STAT_swp_reject, 1);
		return false;
	}
	__atomic_add_fetch(&pages_out, 1, __ATOMIC_RELAXED);
	if (!pte_cas(pte, &v,
		     pte_make(PTE_SWAPPED | (v & PTE_LEVEL_MASK), swp) |
			     epoch())) {
		__atomic_sub_fetch(&pages_out, 1, __ATOMIC_RELAXED);
		swap_free(swp);
		return false;
	}
	__atomic_sub_fetch(&pages_staged, 1, __ATOMIC_RELAXED);
	stat_add_global(STAT_pswpout, 1);
	return true;
}

/* Wait until nobody fills from a stage; false if its page stays there. */
static bool quiesce(uint64_t stage)
{
	pte_t v;

	while (stage_entry(stage, &v)) {
		if (pte_state(v) == PTE_STAGED)
			return false;
		if (pte_state(v) != PTE_FILLING)
			break;
		os_yield();
	}
	return true;
}

static bool stages_due(uint64_t before)
{
	return swapd.tail < swapd.head &&
	       stages[swapd.tail % swapd.nr_stages].ms < before;
}

size_t store_stages(size_t nr, uint64_t before)
{
	uint64_t first = swapd.tail % swapd.nr_stages;
	size_t most =
		min_size(swapd.nr_stages - first, swapd.head - swapd.tail);
	size_t n = 0, packed = 0, stored = 0;

	while (n < most && (n < nr || n < packed) && stages_due(before)) {
		uint64_t stage = first + n;

		if (n >= packed)
			packed = n + clear_slab(stage, most - n);
		stored += store_stage(stage);
		if (!quiesce(stage))
			break;
		if (!stages[stage].addr)
			__atomic_sub_fetch(&pages_left, 1, __ATOMIC_RELAXED);
		stages[stage].pte = NULL;
		WRITE_ONCE(swapd.tail, swapd.tail + 1);
		n++;
	}
	if (swapd.tail == swapd.head)
		swapd.copies = false;
	for (size_t i = n; i < packed; i++)
		unpack(first + i);
	if (n && os_purge(stage_addr(first), n << PAGE_SHIFT)) {
		stage_unlock();
		if (os_purge(stage_addr(first), n << PAGE_SHIFT))
			bug("swap: the kernel does not drop pages any more");
	}
	return stored;
}
