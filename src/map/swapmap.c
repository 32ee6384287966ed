// SPDX-License-Identifier: MIT
/*
 * map/swapmap.c - page states while swap works, for who frees and moves pages
 */
#include "map/swapmap.h"
#include "os/os.h"

#define SPINS	   100
#define ORPHANS_MS 1
#define WAIT_MS	   100 /* then look again, in case a bell was missed */

bool swap_on, swap_ended, swap_arms_early;
struct mm_lock scan_lock = LOCK(SCAN);
size_t pages_out, pages_staged, pages_left, pages_outside;
bool some_stay;
struct stage *stages;
uint32_t swap_orphans, swap_rests;

pte_t *map_pte(uintptr_t addr)
{
	struct mapping *m = map_find(NULL, addr);

	return m && m->ptes ? mapping_pte(m, addr) : NULL;
}

pte_t pte_settle(pte_t *pte)
{
	for (unsigned i = 0;; i++) {
		pte_t v = pte_read(pte);

		if (likely(!pte_is_busy(v)))
			return v;
		if (i > SPINS)
			os_nap();
		cpu_relax();
	}
}

/*
 * A stage is let go before its entry is anything else: swapd may use it again
 * at once.
 */
void stage_leave(uint64_t stage)
{
	__atomic_store_n(&stages[stage].pte, NULL, __ATOMIC_RELEASE);
}

static pte_t dropped(enum drop how)
{
	if (how == DROP_ZERO)
		return pte_make(PTE_SWAPPED, swap_filled(0));
	return how == DROP_STAY ? PTE_PRESENT | PTE_NOSWAP : PTE_UNTOUCHED;
}

/* Of a page that is not out. */
static pte_t after_drop_there(pte_t v, enum drop how)
{
	switch (how) {
	case DROP_ZERO:
		return v;
	case DROP_STAY:
		return pte_state(v) == PTE_UNTOUCHED ? dropped(how)
						     : v | PTE_NOSWAP;
	case DROP_OUT:
		return pte_state(v) == PTE_PRESENT ? PTE_PRESENT : v;
	default:
		return PTE_UNTOUCHED;
	}
}

static pte_t after_drop(pte_t v, enum drop how)
{
	if (pte_state(v) <= PTE_PINNED)
		return after_drop_there(v, how);
	if (pte_state(v) == PTE_STAGED)
		return PTE_FILLING | PTE_FROM_STAGE | (v & ~PTE_STATE_MASK);
	return dropped(how);
}

/* Who forks holds the locks that are needed for it. */
void __orphans_wait(void)
{
	uint32_t nr;

	while ((nr = READ_ONCE(swap_orphans)) && !lock_is_forking())
		os_futex_wait(&swap_orphans, nr, ORPHANS_MS);
}

/* One entry; true if its page had been out. */
static bool drop(pte_t *pte, enum drop how)
{
	pte_t v, new;

	/* before it is so: a touch may bring it at once */
	if (how == DROP_ZERO)
		__atomic_add_fetch(&pages_out, 1, __ATOMIC_RELAXED);
	do {
		v = pte_settle(pte);
		new = after_drop(v, how);
	} while (v != new && !pte_cas(pte, &v, new));
	if (how == DROP_ZERO && pte_state(v) <= PTE_PINNED)
		__atomic_sub_fetch(&pages_out, 1, __ATOMIC_RELAXED);
	if (how == DROP_STAY && pte_state(v) == PTE_UNTOUCHED)
		__atomic_add_fetch(&pages_outside, 1, __ATOMIC_RELAXED);
	if (pte_state(v) == PTE_STAGED || pte_state(v) == PTE_PACKING)
		__atomic_sub_fetch(&pages_staged, 1, __ATOMIC_RELAXED);
	if (pte_state(v) == PTE_SWAPPED) {
		__atomic_sub_fetch(&pages_out, 1, __ATOMIC_RELAXED);
		swap_free(pte_value(v));
	} else if (pte_state(v) == PTE_STAGED) {
		__atomic_add_fetch(&pages_left, 1, __ATOMIC_RELAXED);
		stages[pte_value(v)].addr = 0;
		stage_leave(pte_value(v));
		pte_write(pte, dropped(how));
	}
	return pte_state(v) > PTE_PINNED;
}

size_t ptes_drop(pte_t *pte, size_t nr, enum drop how)
{
	size_t n = 0;

	for (size_t i = 0; i < nr; i++) {
		/* most of a block may never have been touched */
		if (how == DROP_ALL && pte_read(&pte[i]) == PTE_UNTOUCHED)
			continue;
		n += drop(&pte[i], how);
	}
	return n;
}

void ptes_transfer(pte_t *to, pte_t *from, size_t nr, uintptr_t addr)
{
	for (size_t i = 0; i < nr; i++) {
		pte_t v = pte_read(&from[i]);

		if (pte_state(v) == PTE_UNTOUCHED)
			continue;
		pte_write(&to[i], v);
		pte_write(&from[i], PTE_PRESENT);
		if (pte_state(v) != PTE_STAGED)
			continue;
		stages[pte_value(v)].addr = addr + (i << PAGE_SHIFT);
		stages[pte_value(v)].pte = &to[i];
	}
}

/* ---- the service threads ---- */

static uint32_t serving[MAX_SERVERS]; /* odd while at work */

void service_turn(unsigned server)
{
	__atomic_add_fetch(&serving[server], 1, __ATOMIC_SEQ_CST);
}

void service_sync(void)
{
	for (unsigned i = 0; i < MAX_SERVERS; i++) {
		uint32_t was = __atomic_load_n(&serving[i], __ATOMIC_SEQ_CST);

		while (was & 1 && was == READ_ONCE(serving[i]))
			os_nap();
	}
}

static uintptr_t keep_off_start, keep_off_end;

void service_keep_off(uintptr_t start, uintptr_t end)
{
	/* pairs with service_turn(): who comes later sees it */
	__atomic_store_n(&keep_off_start, start, __ATOMIC_SEQ_CST);
	__atomic_store_n(&keep_off_end, end, __ATOMIC_SEQ_CST);
	if (end)
		service_sync();
}

bool service_may_bring(uintptr_t addr)
{
	return addr < READ_ONCE(keep_off_start) ||
	       addr >= READ_ONCE(keep_off_end);
}

/* ---- asking swapd ---- */

static struct mm_lock request_lock = LOCK(REQUEST);
struct swap_request swap_request;
uint32_t swap_bell;
bool *swapd_lives;

bool swapd_sleeps;

void swap_ring(void)
{
	/* pairs with swapd, which says so and then looks at the bell */
	__atomic_add_fetch(&swap_bell, 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&swapd_sleeps, false, __ATOMIC_SEQ_CST))
		os_futex_wake(&swap_bell);
}

long swap_ask(enum swap_op op, void *p, size_t size)
{
	struct swap_request *r = &swap_request;
	long result = 0;

	if (!swap_on || !READ_ONCE(*swapd_lives) || lock_is_forking())
		return 0;
	lock_acquire(&request_lock);
	if (READ_ONCE(swap_ended))
		goto out;
	r->op = op;
	r->p = p;
	r->size = size;
	__atomic_store_n(&r->state, REQUEST_MADE, __ATOMIC_RELEASE);
	swap_ring();
	while (__atomic_load_n(&r->state, __ATOMIC_ACQUIRE) != REQUEST_DONE)
		os_futex_wait(&r->state, REQUEST_MADE, WAIT_MS);
	result = r->result;
out:
	lock_release(&request_lock);
	return result;
}

void swapmap_fork_child(void)
{
	lock_init(&scan_lock);
	lock_init(&request_lock);
	WRITE_ONCE(swap_request.state, REQUEST_NONE);
	keep_off_start = keep_off_end = 0;
	swap_orphans = swap_rests = 0;
	swap_ended = false;
	for (unsigned i = 0; i < MAX_SERVERS; i++)
		serving[i] = 0;
}
