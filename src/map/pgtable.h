/* SPDX-License-Identifier: MIT */
/*
 * map/pgtable.h - which mapping an address belongs to, for any address
 *
 * mapping: a range of addresses that is ours: a window, or a block of its own.
 * slot:    a word that speaks for 2^n bytes of address space: empty (0), a
 *          mapping that fills all of it (a leaf), or a node that divides it
 *          (PGTABLE_NODE set). The root is the slot of the whole range.
 * node:    an array of slots. Nodes are reused as nodes only, at any level.
 * depth:   the root slot has 0, the slots of a level n node have n + 1.
 *
 * Invariants: a mapping fills the largest slots that fit, so a node exists iff
 * some mapping holds a part of its range but not all of it; nr_used == number
 * of slots that are not empty, > 0 in the tree and 0 on the free list.
 *
 * Writers hold the lock of the table. Readers hold nothing: while they walk,
 * the node under them may be cut off and used elsewhere, and the mapping they
 * find may get another range. Both take an unmap, which moves tlb_epoch on
 * before anything can be used again. A reader therefore believes a mapping
 * only if its range holds the address and the epoch has stood still. It always
 * finds an address that stays mapped, as the nodes above it are never empty.
 *
 * The geometry is a parameter that inlined code sees as a constant.
 * Source: the idea of Linux's page tables and large leaves; no code taken.
 */
#ifndef MM_MAP_PGTABLE_H
#define MM_MAP_PGTABLE_H

#include "base/bits.h"
#include "os/lock.h"

#define PGTABLE_MAX_LEVELS 5
#define PGTABLE_NODE	   1UL /* tag of a slot that holds a node */

enum mapping_kind {
	MAPPING_WINDOW,
	MAPPING_VMA,
};

struct window;

/*
 * First member of what describes a block. Its memory must stay a struct mapping
 * for ever, as readers may look at it after an unmap.
 */
struct mapping {
	uintptr_t start, end;  /* multiples of PAGE_SIZE; set by mapping_init */
	uint8_t kind;	       /* enum mapping_kind */
	bool armed;	       /* VMA: the fault service gets its faults */
	uint64_t *ptes;	       /* states of its pages, or NULL */
	struct window *window; /* WINDOW: which */
};

/*
 * A slot at depth d speaks for 1 << shift[d] bytes, so shift[0] is the number
 * of address bits and shift[levels] == PAGE_SHIFT. Every node of a table has
 * 1 << (shift[0] - shift[1]) slots.
 */
struct pgtable_geom {
	uint8_t levels;
	uint8_t tlb_depth; /* of the smallest slots not below 1 GiB */
	uint8_t shift[PGTABLE_MAX_LEVELS + 1];
};

static const struct pgtable_geom pgtable_geom_57 = {
	.levels = 5,
	.tlb_depth = 3,
	.shift = { 57, 48, 39, 30, 21, PAGE_SHIFT },
};
static const struct pgtable_geom pgtable_geom_48 = {
	.levels = 4,
	.tlb_depth = 2,
	.shift = { 48, 39, 30, 21, PAGE_SHIFT },
};
static const struct pgtable_geom pgtable_geom_32 = {
	.levels = 2,
	.tlb_depth = 0,
	.shift = { 32, 22, PAGE_SHIFT },
};

/* that of the machine we run on */
#define PGTABLE_GEOM (sizeof(void *) == 8 ? &pgtable_geom_57 : &pgtable_geom_32)

struct pgtable_node {
	struct pgtable_node *next_free;
	unsigned nr_used;
	uintptr_t slots[];
};

struct pgtable {
	const struct pgtable_geom *geom;
	uintptr_t root;

	struct mm_lock lock __cacheline; /* guards all below, and every write */
	struct pgtable_node *free;
	size_t nr_nodes;      /* in the tree */
	size_t nr_free_nodes; /* on the free list */
	size_t nr_mappings;
};

/** mm_pgtable - the table of the process; ready before any constructor */
extern struct pgtable mm_pgtable __hidden;

/** tlb_epoch - number of unmaps so far, of any table, plus one */
extern unsigned long tlb_epoch __hidden;

/**
 * mapping_init - give a mapping that is not in a table its range
 * @start: first byte, a multiple of PAGE_SIZE
 * @end:   byte behind the last, likewise; 0 if that is where addresses end
 */
static inline void mapping_init(struct mapping *m, uintptr_t start,
				uintptr_t end, enum mapping_kind kind)
{
	/*
	 * Both pair with mapping_holds(): who sees the new range sees the
	 * epoch that ended the old one.
	 */
	smp_store_release(&m->start, start);
	smp_store_release(&m->end, end);
	m->kind = kind;
}

/** pgtable_init - make a table empty; mm_pgtable does not need it */
void pgtable_init(struct pgtable *pt, const struct pgtable_geom *geom);

/**
 * pgtable_map - install a mapping
 * @m: lives until pgtable_unmap(), and its memory for ever
 *
 * Returns 0; -EINVAL if the range is empty, not page aligned or outside the
 * geometry; -EEXIST if some page of it is taken; -ENOMEM if there is no memory
 * for nodes. On failure nothing has changed.
 * Context: takes the table's lock, and memblock's below it.
 */
int pgtable_map(struct pgtable *pt, struct mapping *m);

/**
 * pgtable_unmap - remove an installed mapping
 *
 * Every TLB forgets it. A reader that was under way may still return it.
 * Context: takes the table's lock; never fails, never allocates.
 */
void pgtable_unmap(struct pgtable *pt, struct mapping *m);

/**
 * pgtable_find - the mapping that holds an address
 * @addr: any address whatever
 *
 * Returns NULL if there is none. An address that stays mapped is found even
 * while others come and go.
 * Context: any thread, any time, signal handlers too; takes no lock.
 */
struct mapping *pgtable_find(const struct pgtable *pt, uintptr_t addr);

/** validate_pgtable - walk everything, abort if an invariant is broken */
void validate_pgtable(struct pgtable *pt);

/** pgtable_fork - what a step of fork() does to the lock */
void pgtable_fork(struct pgtable *pt, enum fork_step step);

/* ---- the walk, shared by pgtable_find() and the TLB ---- */

/** pgtable_index - which slot of a node in a slot at @depth has @addr */
static __flatten uintptr_t pgtable_index(const struct pgtable_geom *g,
					 unsigned depth, uintptr_t addr)
{
	uintptr_t nr_slots = 1UL << (g->shift[depth] - g->shift[depth + 1]);

	return addr >> g->shift[depth + 1] & (nr_slots - 1);
}

static __flatten struct pgtable_node *pgtable_node(uintptr_t slot)
{
	return (struct pgtable_node *)(slot - PGTABLE_NODE);
}

/**
 * pgtable_walk - follow an address down
 * @slot: contents of the slot at depth @from, which @addr lies in
 *
 * Returns what the slot at depth @to has, or the leaf or 0 above it. If a node
 * was cut off meanwhile, or @addr lies outside the geometry, this is a slot of
 * another range, but still a slot; pgtable_leaf() tells.
 */
static __flatten uintptr_t pgtable_walk(const struct pgtable_geom *g,
					uintptr_t slot, unsigned from,
					unsigned to, uintptr_t addr)
{
#pragma GCC unroll 5
	for (unsigned i = from; i < to; i++) {
		if (!(slot & PGTABLE_NODE))
			break;
		/* pairs with the release in set_slot() */
		slot = smp_load_acquire(
			&pgtable_node(slot)->slots[pgtable_index(g, i, addr)]);
	}
	return slot;
}

/** mapping_holds - is @addr in the range; right also if @end is 0 */
static __flatten bool mapping_holds(const struct mapping *m, uintptr_t addr)
{
	/* pair with the releases in mapping_init() */
	uintptr_t start = smp_load_acquire(&m->start);
	uintptr_t end = smp_load_acquire(&m->end);

	return addr - start < end - start;
}

/** pgtable_leaf - the mapping in the deepest slot, if it holds the address */
static __flatten struct mapping *pgtable_leaf(uintptr_t slot, uintptr_t addr)
{
	struct mapping *m = (struct mapping *)slot;

	/* a node can only stand here if it was cut off and used elsewhere */
	if (!slot || unlikely(slot & PGTABLE_NODE))
		return NULL;
	return likely(mapping_holds(m, addr)) ? m : NULL;
}

#endif
