// SPDX-License-Identifier: MIT
/*
 * slab/partial.c - partial slabs that a node's threads share
 *
 * A thread that ends leaves its partial slabs here as orphans; a thread that
 * runs out takes one, and a thread that frees into one adopts it. The lock
 * covers the lists and, as long as a slab is an orphan, the slab.
 */
#include <errno.h>
#include "slab/slab.h"

struct node_partial {
	struct mm_lock lock;
	struct slab *partial[NR_CLASSES];
};

static struct node_partial *node_partial;

int partial_init(void)
{
	static struct node_partial first;

	node_partial = nr_nodes == 1
			       ? &first
			       : memblock_alloc(nr_nodes * sizeof(first), 64);
	if (!node_partial)
		return -ENOMEM;
	for (unsigned i = 0; i < nr_nodes; i++)
		lock_rank(&node_partial[i].lock, RANK_PARTIAL);
	return 0;
}

static struct node_partial *partial_of(const struct slab *s)
{
	return &node_partial[page_zone(s->pfn)->nid];
}

/* Caller holds the node's lock; the slab becomes the heap's, on no list. */
static void __adopt(struct heap *h, struct node_partial *np, struct slab *s)
{
	slab_unlink(&np->partial[s->class], s);
	s->state = SLAB_PARTIAL;
	slab_give(s, h->id);
	counter_add(&h->stats, STAT_slab_adopt, 1);
}

struct slab *partial_get(struct heap *h, unsigned nid, unsigned class)
{
	struct node_partial *np = &node_partial[nid];
	struct slab *s;

	if (!READ_ONCE(np->partial[class]))
		return NULL;
	lock_acquire(&np->lock);
	s = np->partial[class];
	if (s)
		__adopt(h, np, s);
	lock_release(&np->lock);
	return s;
}

void partial_put(struct slab *s)
{
	struct node_partial *np = partial_of(s);

	lock_acquire(&np->lock);
	s->state = SLAB_ORPHAN;
	slab_link(&np->partial[s->class], s);
	slab_give(s, OWNER_ORPHAN);
	lock_release(&np->lock);
}

/* Somebody else may have taken it first; then it is no longer an orphan. */
bool partial_adopt(struct heap *h, struct slab *s)
{
	struct node_partial *np = partial_of(s);
	bool ours;

	lock_acquire(&h->lock);
	lock_acquire(&np->lock);
	ours = slot_owner(slot_of(s)) == OWNER_ORPHAN;
	if (ours)
		__adopt(h, np, s);
	lock_release(&np->lock);
	if (ours)
		slab_link(&h->partial[s->class], s);
	lock_release(&h->lock);
	return ours;
}

bool partial_put_objects(struct slab *s, void *head, void *tail, uint32_t count)
{
	struct node_partial *np = partial_of(s);
	bool orphan, empty = false;

	lock_acquire(&np->lock);
	orphan = slot_owner(slot_of(s)) == OWNER_ORPHAN;
	if (orphan) {
		*(void **)tail = s->freelist;
		s->freelist = head;
		s->credits -= (int32_t)count;
		empty = s->credits <= 0;
	}
	if (empty) {
		slab_unlink(&np->partial[s->class], s);
		slab_retire(s);
	}
	lock_release(&np->lock);
	if (empty) {
		stat_add_global(STAT_slab_free, 1);
		free_run(s->pfn, SLAB_SIZE >> PAGE_SHIFT);
	}
	return orphan;
}

void partial_fork(enum fork_step step)
{
	for (unsigned i = 0; i < nr_nodes; i++)
		lock_fork(&node_partial[i].lock, step);
}
