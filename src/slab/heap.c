// SPDX-License-Identifier: MIT
/*
 * slab/heap.c - heaps, and the threads that come and go
 *
 * A heap belongs to one thread at a time. When the thread ends, everything but
 * the full slabs is handed over to the node, and the heap waits in the pool for
 * the next thread. Heaps are never freed, so posting to one is always safe.
 *
 * Invariants: heap_by_id(h->id) == h; h->idle iff the heap is in the pool or on
 * its way there, or is a node's.
 */
#include <errno.h>
#include <string.h>
#include "slab/slab.h"

#define MAX_HEAPS (1U << 16)

static struct mm_lock pool_lock = LOCK(POOL);
static struct heap *heaps[MAX_HEAPS]; /* by id; most of it is never touched */
static struct heap *all_heaps, *idle_heaps;
static uint32_t next_id = OWNER_FIRST;

struct heap *heap_by_id(uint32_t id)
{
	return heaps[id];
}

struct heap *heap_first(void)
{
	return smp_load_acquire(&all_heaps);
}

unsigned heap_count(void)
{
	return READ_ONCE(next_id) - OWNER_FIRST;
}

int heap_init(void)
{
	return partial_init();
}

/* Caller holds pool_lock. */
static struct heap *new_heap(void)
{
	uint32_t id = next_id;
	struct heap *h;

	if (id == MAX_HEAPS)
		return NULL;
	h = memblock_alloc(sizeof(*h), 64);
	if (!h)
		return NULL;
	heaps[id] = h;
	lock_rank(&h->lock, RANK_HEAP);
	h->id = id;
	h->next_all = all_heaps;
	/* pairs with heap_first() */
	smp_store_release(&all_heaps, h);
	WRITE_ONCE(next_id, id + 1);
	return h;
}

static struct heap *node_heap[MAX_NODES]; /* made when first asked for */

struct heap *heap_of_node(unsigned nid)
{
	/* pairs with the release below */
	struct heap *h = smp_load_acquire(&node_heap[nid]);

	if (likely(h != NULL))
		return h;
	lock_acquire(&pool_lock);
	h = node_heap[nid];
	if (!h && (h = new_heap())) {
		h->nid = nid;
		h->of_node = h->idle = true;
		smp_store_release(&node_heap[nid], h);
	}
	lock_release(&pool_lock);
	return h;
}

static unsigned pick_node(const struct heap *h)
{
	return numa_is_fake ? h->id % nr_nodes : node_current();
}

struct heap *heap_get(void)
{
	struct heap *h;

	lock_acquire(&pool_lock);
	h = idle_heaps;
	if (h)
		idle_heaps = h->next_idle;
	else
		h = new_heap();
	lock_release(&pool_lock);
	if (!h)
		return NULL;
	lock_acquire(&h->lock);
	h->nid = pick_node(h);
	h->tc = &tcache;
	memcpy(tcache.list, h->parked, sizeof(h->parked));
	memset(h->parked, 0, sizeof(h->parked));
	__atomic_store_n(&h->idle, false, __ATOMIC_SEQ_CST);
	counter_add(&h->stats, STAT_thread_start, 1);
	lock_release(&h->lock);
	return h;
}

/* Put the rest of a thread list back on the slab it came from. */
static void flush_list(struct heap *h, unsigned nr)
{
	/* in one instruction: a signal handler may pop from it */
	void *head =
		__atomic_exchange_n(slab_list(h, nr), NULL, __ATOMIC_RELAXED);
	void *tail = head;
	uint32_t count = 1;

	if (!head)
		return;
	for (; *(void **)tail; tail = *(void **)tail)
		count++;
	slab_take_home(h, slab_at(head), head, tail, count);
}

static void flush_lists(struct heap *h)
{
	for (unsigned list = 1; list < NR_LISTS; list++)
		flush_list(h, list);
}

static void retire_active(struct heap *h, struct slab *s)
{
	if (slab_inuse(s) == s->capacity) {
		slab_sleep(s);
		return;
	}
	slab_deactivate(s);
	if (s->credits)
		partial_put(s);
	else
		__slab_release(h, s);
}

void __disown_partial(struct heap *h, unsigned class)
{
	struct slab *s;

	while ((s = h->partial[class])) {
		slab_unlink(&h->partial[class], s);
		partial_put(s);
	}
}

static void hand_over(struct heap *h, unsigned class)
{
	struct slab *s = h->active[class];

	h->active[class] = NULL;
	if (s)
		retire_active(h, s);
	__disown_partial(h, class);
}

/* Leave everything but the full slabs to the node. */
static void __leave_node(struct heap *h)
{
	__inbox_drain(h);
	flush_lists(h);
	for (unsigned c = 1; c < NR_CLASSES; c++)
		hand_over(h, c);
	pcp_drain(&h->pcp, 0);
}

void __heap_follow(struct heap *h)
{
	unsigned nid = h->of_node ? h->nid : pick_node(h);

	if (likely(nid == h->nid))
		return;
	__leave_node(h);
	h->nid = nid;
	counter_add(&h->stats, STAT_heap_migrate, 1);
}

/* Caller holds h->lock. */
static void __retire(struct heap *h)
{
	__leave_node(h);
	h->tc = NULL;
	/* pairs with heap_drain_idle(): who posts from now on drains it */
	__atomic_store_n(&h->idle, true, __ATOMIC_SEQ_CST);
}

static void pool_put(struct heap *h)
{
	lock_acquire(&pool_lock);
	h->next_idle = idle_heaps;
	idle_heaps = h;
	lock_release(&pool_lock);
}

void heap_put(struct heap *h)
{
	remote_flush(h);
	lock_acquire(&h->lock);
	counter_add(&h->stats, STAT_thread_exit, 1);
	__retire(h);
	lock_release(&h->lock);
	heap_drain_idle(h);
	pool_put(h);
}

void heap_trim(struct heap *h)
{
	remote_flush(h);
	lock_acquire(&h->lock);
	__inbox_drain(h);
	flush_lists(h);
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		struct slab *s = h->active[c];

		if (!s || slab_inuse(s))
			continue;
		h->active[c] = NULL;
		__slab_release(h, s);
	}
	pcp_drain(&h->pcp, 0);
	lock_release(&h->lock);
}

void drain_page_lists(void)
{
	for (struct heap *h = heap_first(); h; h = h->next_all) {
		if (!lock_try(&h->lock))
			continue;
		pcp_drain(&h->pcp, 0);
		lock_release(&h->lock);
		/* who posted meanwhile could not */
		heap_drain_idle(h);
	}
}

void trim_node_heaps(void)
{
	for (unsigned nid = 0; nid < nr_nodes; nid++) {
		/* pairs with the release in heap_of_node() */
		struct heap *h = smp_load_acquire(&node_heap[nid]);

		if (h)
			heap_trim(h);
	}
}

/*
 * The list of a running thread changes under us: follow it only while it stays
 * inside one slab, where it belongs.
 */
__attribute__((no_sanitize("thread"))) size_t list_length(struct heap *h,
							  unsigned list)
{
	const char *p = READ_ONCE(*slab_list(h, list));
	const struct slab *s = p ? slab_at(p) : NULL;
	size_t n = 0, end;

	if (!s)
		return 0;
	end = s->capacity * (size_t)class_bytes[s->class];
	while (p && n < s->carved && (size_t)(p - s->base) < end) {
		n++;
		p = READ_ONCE(*(char *const *)p);
	}
	return n;
}

/* ---- fork ---- */

/* Its thread is gone. */
static void park_lists(struct heap *h)
{
	slab_trust_chains = false;
	for (unsigned i = 0; i < BATCH_SETS * BATCH_WAYS; i++)
		h->batch[i / BATCH_WAYS][i % BATCH_WAYS] = (struct batch){ 0 };
	memcpy(h->parked, h->tc->list, sizeof(h->parked));
	h->tc = NULL;
}

/*
 * The other threads are gone. Their heaps are whole, as we held their locks,
 * and wait as they are for new threads, so that a child that ends soon copies
 * little memory. But a free on the fast path may have been cut in two, and what
 * waited in their batches is lost to this child.
 */
static void park_heaps(void)
{
	/* some were on their way from or to the pool: they have no thread */
	idle_heaps = NULL;
	for (struct heap *h = all_heaps; h; h = h->next_all) {
		if (h->tc == &tcache || h->of_node)
			continue;
		if (h->tc)
			park_lists(h);
		h->idle = true;
		pool_put(h);
	}
}

void slab_fork(enum fork_step step)
{
	if (step != FORK_PARENT)
		lock_fork(&pool_lock, step);
	for (struct heap *h = all_heaps; h; h = h->next_all)
		lock_fork(&h->lock, step);
	partial_fork(step);
	note_fork(step);
	/* heaps may be added as soon as it is free */
	if (step == FORK_PARENT)
		lock_release(&pool_lock);
	if (step == FORK_CHILD)
		park_heaps();
}
