/* SPDX-License-Identifier: MIT */
/*
 * map/tlb.h - a thread's cache in front of the page table walk
 *
 * An entry keeps the slot that speaks for 1 GiB of addresses: the node that
 * divides it, so that two levels are left to walk, or the one mapping that
 * fills it. An entry counts only in the epoch in which it was made; every unmap
 * starts a new one. What the node says is read anew each time, so a mapping is
 * seen as soon as it is installed, and "not ours" is never remembered.
 *
 * hits + misses == lookups. A hit is a lookup that did not start at the root,
 * whether it then found a mapping or not.
 *
 * All zeros is an empty TLB. A TLB serves one thread and one table.
 */
#ifndef MM_MAP_TLB_H
#define MM_MAP_TLB_H

#include "map/pgtable.h"

#define TLB_ENTRIES 16
#define TLB_SHIFT   30

struct tlb_entry {
	uintptr_t key;	     /* address >> TLB_SHIFT */
	uintptr_t slot;	     /* contents of the slot at tlb_depth */
	unsigned long epoch; /* tlb_epoch when it was read; 0 is never now */
};

struct tlb {
	uint64_t hits, misses; /* written by the owner, readable by anybody */
	struct tlb_entry entries[TLB_ENTRIES];
};

/** tlb_fill - look up from the root and remember; the miss of tlb_lookup() */
struct mapping *tlb_fill(struct tlb *tlb, const struct pgtable *pt,
			 uintptr_t addr);

static __flatten struct tlb_entry *tlb_entry(struct tlb *tlb, uintptr_t addr)
{
	return &tlb->entries[(addr >> TLB_SHIFT) % TLB_ENTRIES];
}

/* The owner alone writes a counter: no atomic add, but no torn read either. */
static __flatten void tlb_count(uint64_t *counter)
{
	WRITE_ONCE(*counter, *counter + 1);
}

/**
 * tlb_lookup - pgtable_find() through a TLB, for any table
 * @g: geometry of @pt, a constant where speed counts
 */
static __flatten struct mapping *tlb_lookup(struct tlb *tlb,
					    const struct pgtable *pt,
					    const struct pgtable_geom *g,
					    uintptr_t addr)
{
	/* pairs with the release in pgtable_unmap() */
	unsigned long epoch = smp_load_acquire(&tlb_epoch);
	struct tlb_entry *e = tlb_entry(tlb, addr);
	struct mapping *m;
	uintptr_t slot;

	if (likely(e->key == addr >> TLB_SHIFT && e->epoch == epoch)) {
		slot = pgtable_walk(g, e->slot, g->tlb_depth, g->levels, addr);
		m = pgtable_leaf(slot, addr);
		if (likely(!m || READ_ONCE(tlb_epoch) == epoch)) {
			tlb_count(&tlb->hits);
			return m;
		}
	}
	return tlb_fill(tlb, pt, addr);
}

/**
 * tlb_find - the mapping of the process that holds an address
 * @tlb:  the caller's own
 * @addr: any address whatever
 *
 * Returns what pgtable_find(&mm_pgtable, addr) returns.
 * Context: the thread that owns @tlb, outside signal handlers; takes no lock.
 */
static inline struct mapping *tlb_find(struct tlb *tlb, uintptr_t addr)
{
	return tlb_lookup(tlb, &mm_pgtable, PGTABLE_GEOM, addr);
}

#endif
