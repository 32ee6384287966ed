// SPDX-License-Identifier: MIT
/*
 * slab/remote.c - objects freed by threads that do not own their slab
 *
 * They go home. The freeing thread collects them in batches, one per slab, and
 * posts a batch with one compare-and-swap to the owner's inbox; the owner takes
 * the whole inbox with one exchange on its slow path.
 *
 * A batch in an inbox is a ring of free objects, named by its tail: the tail's
 * first word points to the head, its second word holds the next batch of the
 * inbox and, in the top 16 bits, the number of objects.
 *
 * A heap without a thread is drained by whoever posts to it: the poster looks
 * at heap->idle after its post, the heap looks at its inbox after becoming
 * idle, both sequentially consistent, so one of them sees the other.
 */
#include "slab/slab.h"

#define COUNT_SHIFT 48
#define LINK_MASK   ((1UL << COUNT_SHIFT) - 1)

static uintptr_t *words(void *p)
{
	return p;
}

static void inbox_push(struct heap *h, void *head, void *tail, uint32_t count)
{
	void *old = READ_ONCE(h->inbox);

	words(tail)[0] = (uintptr_t)head;
	do {
		words(tail)[1] = (uintptr_t)old | (uintptr_t)count
							  << COUNT_SHIFT;
		/* pairs with the exchange in __inbox_drain() and with idle */
	} while (!__atomic_compare_exchange_n(&h->inbox, &old, tail, true,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
}

/* Is the slab still ours, or has another heap adopted it meanwhile? */
__flatten void slab_take_home(struct heap *h, struct slab *s, void *head,
			      void *tail, uint32_t count)
{
	if (slot_owner(slot_of(s)) == h->id)
		__slab_put(h, s, head, tail, count);
	else
		remote_post(s, head, tail, count);
}

/* Caller holds h->lock. Returns whether anything had come. */
bool __inbox_drain(struct heap *h)
{
	void *tail;

	if (!READ_ONCE(h->inbox))
		return false;
	/* pairs with inbox_push() */
	tail = __atomic_exchange_n(&h->inbox, NULL, __ATOMIC_SEQ_CST);
	while (tail) {
		uintptr_t link = words(tail)[1];

		/* the next batch is as cold as this one was */
		__builtin_prefetch((void *)(link & LINK_MASK));
		slab_take_home(h, slab_at(tail), (void *)words(tail)[0], tail,
			       (uint32_t)(link >> COUNT_SHIFT));
		counter_add(&h->stats, STAT_remote_drain, 1);
		tail = (void *)(link & LINK_MASK);
	}
	return true;
}

void heap_drain_idle(struct heap *h)
{
	while (__atomic_load_n(&h->idle, __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&h->inbox, __ATOMIC_SEQ_CST)) {
		if (!lock_try(&h->lock))
			return; /* its holder looks at the inbox when done */
		if (h->idle && __inbox_drain(h)) {
			/* they belong to everybody */
			for (unsigned c = 1; c < NR_CLASSES; c++)
				__disown_partial(h, c);
			pcp_drain(&h->pcp, 0);
		}
		lock_release(&h->lock);
	}
}

void remote_post(struct slab *s, void *head, void *tail, uint32_t count)
{
	for (;;) {
		uint32_t owner = slot_owner(slot_of(s));

		if (owner != OWNER_ORPHAN) {
			inbox_push(heap_by_id(owner), head, tail, count);
			heap_drain_idle(heap_by_id(owner));
			return;
		}
		if (partial_put_objects(s, head, tail, count))
			return;
	}
}

/* ---- batches ---- */

static void batch_post(struct heap *h, struct batch *b)
{
	struct batch full = *b;

	*b = (struct batch){ 0 };
	if (!full.count)
		return;
	counter_add(&h->stats, STAT_remote_post, 1);
	counter_add(&h->stats, STAT_remote_free, full.count);
	remote_post(full.slab, full.head, full.tail, full.count);
}

void remote_flush(struct heap *h)
{
	for (unsigned i = 0; i < BATCH_SETS; i++)
		for (unsigned w = 0; w < BATCH_WAYS; w++)
			batch_post(h, &h->batch[i][w]);
}

/* The slab's batch, or the set's oldest, which is posted to make room. */
static struct batch *find_batch(struct heap *h, struct slab *s)
{
	struct batch *set = batch_set(h, s);

	for (unsigned w = 0; w < BATCH_WAYS; w++)
		if (set[w].slab == s)
			return &set[w];
	batch_post(h, &set[BATCH_WAYS - 1]);
	for (unsigned w = BATCH_WAYS - 1; w > 0; w--)
		set[w] = set[w - 1];
	set[0] = (struct batch){ 0 };
	return &set[0];
}

/* The slabs that an idle heap still owns are full: they are on no list. */
static bool adopt_from_idle(struct heap *h, struct heap *from, struct slab *s)
{
	bool ours = false;

	if (!READ_ONCE(from->idle) || !lock_try(&from->lock))
		return false;
	if (from->idle && slot_owner(slot_of(s)) == from->id &&
	    s->state == SLAB_FULL) {
		slab_give(s, h->id);
		counter_add(&h->stats, STAT_slab_adopt, 1);
		ours = true;
	}
	lock_release(&from->lock);
	heap_drain_idle(from);
	return ours;
}

static bool adopt(struct heap *h, struct slab *s)
{
	uint32_t owner = slot_owner(slot_of(s));

	/* what lies on another node goes home */
	if (!slab_is_home(h, s))
		return false;
	if (owner == OWNER_ORPHAN)
		return partial_adopt(h, s);
	return owner == h->id || adopt_from_idle(h, heap_by_id(owner), s);
}

static uint32_t batch_limit(size_t bytes)
{
	size_t limit = min_size(BATCH_MAX, BATCH_BYTES / bytes);

	return slab_check ? 1 : (uint32_t)max_size(limit, 1);
}

void remote_free(struct heap *h, struct slab *s, void *p)
{
	struct batch *b = find_batch(h, s);

	if (!b->count && adopt(h, s)) {
		slab_put(h, s, p);
		return;
	}
	if (b->head == p)
		double_free(s, p);
	if (!b->count) {
		b->slab = s;
		b->tail = p;
		b->limit = batch_limit(class_bytes[slot_of(s)->class]);
	}
	*(void **)p = b->head;
	b->head = p;
	b->count++;
	if (b->count >= b->limit)
		batch_post(h, b);
}
