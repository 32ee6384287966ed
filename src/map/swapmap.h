/* SPDX-License-Identifier: MIT */
/*
 * map/swapmap.h - page states while swap takes pages out and brings them back
 *
 * swapd:    the thread that takes pages out; the only one that does.
 * service:  the threads that bring back what is touched.
 * staging:  a range of pages of our own that cold pages are moved to. A stage
 *           is one page of it; stages[i] says whose page is there.
 *
 *   bits of a pte   in state             what
 *   0..2            all                  state
 *   3..5            all but PINNED       level: how often it came back soon
 *   6..7            FILLING              from nothing, a stage, the store
 *   6               PRESENT, PINNED      never to be taken (mm_advise)
 *   7..63           PINNED               how many pins
 *   8..55           PRESENT              scans that pass it over
 *                   STAGED, PACKING,
 *                   MOVING, FILLING      stage, or name in the store
 *                   SWAPPED              name in the store
 *   56..63          SWAPPED              epoch in which it left
 *
 * Every step is a compare-and-swap. Whoever makes an entry busy (MOVING,
 * FILLING) makes it something else soon; PACKING can be taken away from swapd
 * by the service and by who frees the page. A stage is used again only after
 * nobody fills from it.
 *
 * Lock order: scan_lock comes after all locks of the rooms above, store_lock
 * below it. The service takes no lock that a thread inside of fork() holds.
 */
#ifndef MM_MAP_SWAPMAP_H
#define MM_MAP_SWAPMAP_H

#include "map/memmap.h"
#include "swap/swap.h"

#define PTE_LEVEL_SHIFT 3
#define PTE_LEVEL_MASK	(7UL << PTE_LEVEL_SHIFT)
#define PTE_KIND_SHIFT	6
#define PTE_FROM_ZERO	(0UL << PTE_KIND_SHIFT)
#define PTE_FROM_STAGE	(1UL << PTE_KIND_SHIFT)
#define PTE_FROM_STORE	(2UL << PTE_KIND_SHIFT)
#define PTE_KIND_MASK	(3UL << PTE_KIND_SHIFT)
#define PTE_VALUE_SHIFT 8
#define PTE_FLAGS_MASK	((1UL << PTE_VALUE_SHIFT) - 1)
#define PTE_VALUE_BITS	48
#define PTE_EPOCH_SHIFT (PTE_VALUE_SHIFT + PTE_VALUE_BITS)

static_assert(SWP_BITS <= PTE_VALUE_BITS, "a name in the store fits");

static inline uint64_t pte_value(pte_t v)
{
	return v >> PTE_VALUE_SHIFT & ((1UL << PTE_VALUE_BITS) - 1);
}

static inline uint8_t pte_epoch(pte_t v)
{
	return v >> PTE_EPOCH_SHIFT;
}

static inline pte_t pte_make(unsigned long state, uint64_t value)
{
	return state | value << PTE_VALUE_SHIFT;
}

static inline bool pte_cas(pte_t *pte, pte_t *old, pte_t new)
{
	return __atomic_compare_exchange_n(pte, old, new, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline pte_t pte_read(const pte_t *pte)
{
	return __atomic_load_n(pte, __ATOMIC_ACQUIRE);
}

static inline void pte_write(pte_t *pte, pte_t v)
{
	__atomic_store_n(pte, v, __ATOMIC_RELEASE);
}

/** swap_on - swap works in this process, from its start on */
extern bool swap_on __hidden;

/** swap_ended - not any more: all is back, and swapd and the service end */
extern bool swap_ended __hidden;

/** swap_rests - while it is not zero nothing leaves; atomic */
extern uint32_t swap_rests __hidden;

/** swap_arms_early - big blocks are armed as they are made: there is a limit */
extern bool swap_arms_early __hidden;

/** scan_lock - held while pages are on their way out; forbids that */
extern struct mm_lock scan_lock __hidden;

/** pages_out, pages_staged - pages SWAPPED; STAGED or PACKING; atomic */
extern size_t pages_out __hidden, pages_staged __hidden;

/** some_stay - there have been pages with PTE_NOSWAP */
extern bool some_stay __hidden;

/** pages_left - pages that were freed in their stage, and still are there */
extern size_t pages_left __hidden;

/**
 * pages_outside - pages of blocks with own mappings that count towards the
 * option "limit": all of those without page states, and of the others what was
 * touched; atomic
 */
extern size_t pages_outside __hidden;

/**
 * swap_orphans - children that do not have yet what was out when they were
 * made; see reclaim/orphan.c
 */
extern uint32_t swap_orphans __hidden;

/**
 * orphans_wait - wait until they have it
 *
 * Before what is out is dropped, or moves to another place. Context: neither
 * scan_lock nor a lock of blocks.
 */
void __orphans_wait(void);
static inline void orphans_wait(void)
{
	/* pairs with orphan_add() */
	if (unlikely(__atomic_load_n(&swap_orphans, __ATOMIC_SEQ_CST)))
		__orphans_wait();
}

struct stage {
	uintptr_t addr; /* of the page; 0: it counts as left there */
	pte_t *pte;	/* its entry */
	uint64_t ms;	/* when it came */
};
extern struct stage *stages __hidden;

/**
 * stage_leave - nobody needs the page in a stage any more
 *
 * Called before its entry says so.
 */
void stage_leave(uint64_t stage);

static inline bool pte_is_busy(pte_t v)
{
	return pte_state(v) == PTE_MOVING || pte_state(v) == PTE_FILLING;
}

static inline pte_t *mapping_pte(const struct mapping *m, uintptr_t addr)
{
	return &m->ptes[(addr - m->start) >> PAGE_SHIFT];
}

/** map_pte - entry of the page at an address, or NULL */
pte_t *map_pte(uintptr_t addr);

/** pte_settle - wait until an entry is not busy; what it is then */
pte_t pte_settle(pte_t *pte);

/**
 * enum drop - what becomes of pages whose contents are not needed any more
 * @DROP_OUT:  those that are out are UNTOUCHED, the others may be taken again
 * @DROP_ALL:  all are UNTOUCHED, whatever they were
 * @DROP_ZERO: those that are out of a live block shall be zeros, still out
 * @DROP_STAY: they have been replaced, and none leaves any more
 */
enum drop { DROP_OUT, DROP_ALL, DROP_ZERO, DROP_STAY };

/**
 * ptes_drop - drop what is out; how many were
 *
 * Context: the pages belong to the caller; takes store_lock. For DROP_ZERO and
 * DROP_STAY the caller holds scan_lock and has called service_sync().
 */
size_t ptes_drop(pte_t *pte, size_t nr, enum drop how);

/**
 * ptes_transfer - entries of pages that have moved to another place
 * @addr: new address of the first page
 *
 * Those left behind become PRESENT. Context: caller holds scan_lock and has
 * called service_sync().
 */
void ptes_transfer(pte_t *to, pte_t *from, size_t nr, uintptr_t addr);

/* ---- the service threads ---- */

#define MAX_SERVERS 4

/** service_turn - a service thread begins to work on entries, or has done so */
void service_turn(unsigned server);

/** service_sync - wait until each has left what it was working on */
void service_sync(void);

/**
 * service_keep_off - no page of a range is brought for a neighbour's sake
 *
 * Also waits as service_sync() does. An empty range ends that. Context: caller
 * holds scan_lock.
 */
void service_keep_off(uintptr_t start, uintptr_t end);

/** service_may_bring - is an address outside that range? */
bool service_may_bring(uintptr_t addr);

/* ---- asking swapd ---- */

enum swap_op {
	SWAP_NOTHING,
	SWAP_ARM,	/* a mapping: from now on the service gets its faults */
	SWAP_ARM_RANGE, /* a range of addresses, likewise */
	SWAP_WATCH,	/* a range that was mapped anew is still the heap's */
	SWAP_FOLLOW,	/* become who the program is */
	SWAP_FILE,	/* make the swap file: later may be too late */
	/* those before are quick */
	SWAP_RECLAIM, /* @size bytes of resident memory less */
	SWAP_ROOM,    /* so many bytes more fit below the limit */
	SWAP_OUT,     /* a range of addresses, now */
	SWAP_BRING,   /* all back; swap_rests says until when */
	SWAP_END,     /* all back, for ever */
};

struct swap_request {
	uint32_t state; /* futex */
	enum swap_op op;
	void *p;
	size_t size;
	long result;
};
extern struct swap_request swap_request __hidden;
enum { REQUEST_NONE, REQUEST_MADE, REQUEST_DONE };

/**
 * swapd_lives - is there a swapd for this memory?
 *
 * Lies in memory that is wiped in children: one that was made behind libc's
 * back has none, and nothing of it is out. vfork() shares the memory, and
 * swapd.
 */
extern bool *swapd_lives __hidden;

/** swap_bell - swapd sleeps on this word, if swapd_sleeps */
extern uint32_t swap_bell __hidden;
extern bool swapd_sleeps __hidden;

/** swap_ring - wake swapd */
void swap_ring(void);

/**
 * swap_ask - have swapd do something, and wait
 *
 * Returns its answer: bytes, or 0, or -errno. 0 at once if swap is off or has
 * ended, if there is no swapd, or if the caller is forking. Context: no lock
 * that swapd takes.
 */
long swap_ask(enum swap_op op, void *p, size_t size);

void swapmap_fork_child(void);

#endif
