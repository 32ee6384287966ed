// SPDX-License-Identifier: MIT
/*
 * map/pgtable.c - changing the page table, and the walk from the root
 *
 * A change goes down recursively from the root slot, splitting the range among
 * the slots of each node. pgtable_map() counts the nodes it will need before it
 * writes the first slot, so that it either does all or nothing.
 */
#include <errno.h>
#include "arena/arena.h"
#include "map/pgtable.h"
#include "map/tlb.h"

/* Both ends are inclusive, as there may be no address behind the last. */
struct range {
	uintptr_t first, last;
};

struct pgtable mm_pgtable = { .geom = PGTABLE_GEOM, .lock = LOCK(PGTABLE) };
/* apart from what is written more often; 1, so that zeros match nothing */
unsigned long tlb_epoch __cacheline = 1;

/* the low @shift bits; @shift may be all bits of the word */
static uintptr_t low_bits(unsigned shift)
{
	return ((uintptr_t)2 << (shift - 1)) - 1;
}

static bool outside(const struct pgtable_geom *g, uintptr_t addr)
{
	/* in two steps, as shift[0] may be all bits of the word */
	return addr >> (g->shift[0] - 1) >> 1;
}

static bool fills_slot(struct range r, unsigned shift)
{
	uintptr_t mask = low_bits(shift);

	return !(r.first & mask) && (r.last & mask) == mask;
}

/* Next part of @whole within one slot; @part starts one byte before it. */
static bool next_part(struct range whole, unsigned shift, struct range *part)
{
	if (part->last == whole.last)
		return false;
	part->first = part->last + 1;
	part->last = part->first | low_bits(shift);
	if (part->last > whole.last)
		part->last = whole.last;
	return true;
}

static void set_slot(uintptr_t *slot, uintptr_t to)
{
	/* pairs with the acquire in pgtable_walk() and pgtable_lookup() */
	smp_store_release(slot, to);
}

/* ---- nodes ---- */

static size_t nr_slots(const struct pgtable_geom *g)
{
	return 1UL << (g->shift[0] - g->shift[1]);
}

/* One size for all levels, so that a node fits wherever a reader meets it. */
static size_t node_bytes(const struct pgtable_geom *g)
{
	return sizeof(struct pgtable_node) + nr_slots(g) * sizeof(uintptr_t);
}

static void put_node(struct pgtable *pt, struct pgtable_node *node)
{
	node->next_free = pt->free;
	pt->free = node;
	pt->nr_free_nodes++;
}

/* Have @nr nodes on the free list, so that get_node() cannot fail. */
static int reserve_nodes(struct pgtable *pt, size_t nr)
{
	while (pt->nr_free_nodes < nr) {
		struct pgtable_node *node =
			memblock_alloc(node_bytes(pt->geom), 64);

		if (!node)
			return -ENOMEM;
		put_node(pt, node);
	}
	return 0;
}

static struct pgtable_node *get_node(struct pgtable *pt)
{
	struct pgtable_node *node = pt->free;

	pt->free = node->next_free;
	pt->nr_free_nodes--;
	return node;
}

/* ---- changes ---- */

/* How many nodes @r still needs below a slot at @depth, or -EEXIST. */
static int count_missing(const struct pgtable_geom *g, uintptr_t slot,
			 unsigned depth, struct range r)
{
	struct range part = { .last = r.first - 1 };
	int nr = !slot, err;

	if (fills_slot(r, g->shift[depth]))
		return slot ? -EEXIST : 0;
	if (slot && !(slot & PGTABLE_NODE))
		return -EEXIST;
	while (next_part(r, g->shift[depth + 1], &part)) {
		uintptr_t i = pgtable_index(g, depth, part.first);
		uintptr_t sub = slot ? pgtable_node(slot)->slots[i] : 0;

		err = count_missing(g, sub, depth + 1, part);
		if (err < 0)
			return err;
		nr += err;
	}
	return nr;
}

/* Write @leaf (0 to remove) into all of @r below a slot at @depth. */
static void set_range(struct pgtable *pt, uintptr_t *slot, unsigned depth,
		      struct range r, uintptr_t leaf)
{
	const struct pgtable_geom *g = pt->geom;
	struct range part = { .last = r.first - 1 };
	struct pgtable_node *node;

	if (fills_slot(r, g->shift[depth])) {
		set_slot(slot, leaf);
		return;
	}
	if (!*slot) {
		set_slot(slot, (uintptr_t)get_node(pt) + PGTABLE_NODE);
		pt->nr_nodes++;
	}
	node = pgtable_node(*slot);
	while (next_part(r, g->shift[depth + 1], &part)) {
		uintptr_t i = pgtable_index(g, depth, part.first);
		uintptr_t *sub = &node->slots[i];

		node->nr_used -= !!*sub;
		set_range(pt, sub, depth + 1, part, leaf);
		node->nr_used += !!*sub;
	}
	if (!node->nr_used) {
		set_slot(slot, 0);
		put_node(pt, node);
		pt->nr_nodes--;
	}
}

void pgtable_init(struct pgtable *pt, const struct pgtable_geom *geom)
{
	*pt = (struct pgtable){ .geom = geom, .lock = LOCK(PGTABLE) };
}

int pgtable_map(struct pgtable *pt, struct mapping *m)
{
	struct range r = { m->start, m->end - 1 };
	int err;

	if ((m->start | m->end) % PAGE_SIZE || r.last < r.first ||
	    m->start == m->end || outside(pt->geom, r.last))
		return -EINVAL;

	lock_acquire(&pt->lock);
	err = count_missing(pt->geom, pt->root, 0, r);
	if (err > 0)
		err = reserve_nodes(pt, err);
	if (!err) {
		set_range(pt, &pt->root, 0, r, (uintptr_t)m);
		pt->nr_mappings++;
	}
	lock_release(&pt->lock);
	return err;
}

void pgtable_unmap(struct pgtable *pt, struct mapping *m)
{
	struct range r = { m->start, m->end - 1 };

	lock_acquire(&pt->lock);
	BUG_ON(pgtable_walk(pt->geom, pt->root, 0, pt->geom->levels, r.first) !=
	       (uintptr_t)m);
	set_range(pt, &pt->root, 0, r, 0);
	pt->nr_mappings--;
	/*
	 * Slots first: an entry made in the new epoch knows of the removal.
	 * Within the lock: nobody uses the freed nodes in the old epoch.
	 * Pairs with the acquire in tlb_lookup() and pgtable_lookup().
	 */
	__atomic_fetch_add(&tlb_epoch, 1, __ATOMIC_RELEASE);
	lock_release(&pt->lock);
}

/* ---- lookups ---- */

/* The walk from the root; @e receives what a TLB wants to know of it. */
static __flatten struct mapping *pgtable_lookup(const struct pgtable *pt,
						const struct pgtable_geom *g,
						uintptr_t addr,
						struct tlb_entry *e)
{
	uintptr_t slot;
	struct mapping *m;

	e->key = addr >> TLB_SHIFT;
	do {
		/* pairs with the release in pgtable_unmap() */
		e->epoch = smp_load_acquire(&tlb_epoch);
		/* pairs with the release in set_slot() */
		slot = smp_load_acquire(&pt->root);
		slot = pgtable_walk(g, slot, 0, g->tlb_depth, addr);
		e->slot = slot;
		slot = pgtable_walk(g, slot, g->tlb_depth, g->levels, addr);
		m = pgtable_leaf(slot, addr);
	} while (unlikely(m && READ_ONCE(tlb_epoch) != e->epoch));
	return m;
}

static struct mapping *lookup(const struct pgtable *pt, uintptr_t addr,
			      struct tlb_entry *e)
{
	if (likely(pt == &mm_pgtable))
		return pgtable_lookup(pt, PGTABLE_GEOM, addr, e);
	return pgtable_lookup(pt, pt->geom, addr, e);
}

struct mapping *pgtable_find(const struct pgtable *pt, uintptr_t addr)
{
	struct tlb_entry unused;

	return lookup(pt, addr, &unused);
}

__slow struct mapping *tlb_fill(struct tlb *tlb, const struct pgtable *pt,
				uintptr_t addr)
{
	struct tlb_entry e;
	struct mapping *m = lookup(pt, addr, &e);

	tlb_count(&tlb->misses);
	if (m)
		*tlb_entry(tlb, addr) = e;
	return m;
}

/* ---- checks and fork ---- */

/* Check what lies below a slot of @base; returns its number of nodes. */
static size_t validate_slot(const struct pgtable_geom *g, uintptr_t slot,
			    unsigned depth, uintptr_t base)
{
	const struct mapping *m = (const struct mapping *)slot;
	size_t nr_nodes = 1, nr_used = 0;

	if (!slot)
		return 0;
	if (!(slot & PGTABLE_NODE)) {
		uintptr_t last = base | low_bits(g->shift[depth]);

		BUG_ON(!mapping_holds(m, base) || !mapping_holds(m, last));
		return 0;
	}
	BUG_ON(depth == g->levels);
	for (uintptr_t i = 0; i < nr_slots(g); i++) {
		uintptr_t sub = pgtable_node(slot)->slots[i];
		uintptr_t at = base + (i << g->shift[depth + 1]);

		nr_used += !!sub;
		nr_nodes += validate_slot(g, sub, depth + 1, at);
	}
	BUG_ON(!nr_used || nr_used != pgtable_node(slot)->nr_used);
	return nr_nodes;
}

__cold void validate_pgtable(struct pgtable *pt)
{
	size_t nr_free = 0;

	lock_acquire(&pt->lock);
	BUG_ON(validate_slot(pt->geom, pt->root, 0, 0) != pt->nr_nodes);
	for (struct pgtable_node *n = pt->free; n; n = n->next_free) {
		BUG_ON(n->nr_used);
		nr_free++;
	}
	BUG_ON(nr_free != pt->nr_free_nodes);
	lock_release(&pt->lock);
}

void pgtable_fork(struct pgtable *pt, enum fork_step step)
{
	lock_fork(&pt->lock, step);
}
