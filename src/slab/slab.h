/* SPDX-License-Identifier: MIT */
/*
 * slab/slab.h - kmem_caches, slabs and thread lists: the fast path
 *
 * slab:   SLAB_SIZE bytes cut into objects of one class; described out of line.
 * heap:   one thread's caches: per class an active slab, partial slabs, and a
 *         list of free objects taken from the active slab. Pooled, never freed.
 * tcache: the part of a heap that the fast path needs, in thread-local storage.
 * inbox:  objects that other threads freed, in batches; see remote.c.
 * orphan: a slab without a heap, on its node's partial list; see partial.c.
 *
 *   state    on a list          credits count down to
 *   ACTIVE   heap->active       never
 *   PARTIAL  heap->partial      empty: the slab goes back
 *   FULL     no                 worth allocating from again: becomes PARTIAL
 *   ORPHAN   node's partial     empty: the slab goes back
 *
 * Invariants of a slab:
 *   inuse == credits + bias; bias == -1 if ACTIVE, 0 if PARTIAL or ORPHAN
 *   carved - inuse == |freelist| + |notes|; inuse counts objects in the thread
 *   list too; a slab that is ACTIVE has no notes
 *   0 <= carved <= capacity
 * All objects in a thread list belong to one slab of the list's class.
 * A link is written before the freelist leads to it: swapd follows it, without
 * a lock, in pages that it has taken out.
 *
 * The fast path takes no lock and only its thread runs it. The slow path holds
 * heap->lock, so that fork, statistics and (for an idle heap) other threads
 * find the heap's lists whole.
 *
 * Lock order: pool_lock, heap->lock, node partial lock, note_lock, then the
 * zones'. Nobody waits for a second heap's lock but fork and mm_stats, in list
 * order.
 */
#ifndef MM_SLAB_SLAB_H
#define MM_SLAB_SLAB_H

#include "map/memmap.h"
#include "map/tlb.h"
#include "side/stat.h"
#include "slab/size.h"
#include "zone/pcp.h"

enum slab_state { SLAB_ACTIVE, SLAB_PARTIAL, SLAB_FULL, SLAB_ORPHAN };

struct slab {
	void *freelist;
	int32_t credits;
	int32_t bias;
	char *base;
	struct slab *next, *prev;
	uint16_t capacity, carved;
	uint8_t class, state;
	bool pinned; /* some of its pages have been */
	uint8_t spare;
	pfn_t pfn;
	uint32_t spare2;
	uint64_t *notes; /* of its free objects, or NULL; see note.c */
};
static_assert(sizeof(struct slab) == SLAB_BYTES, "tables are sized for it");
#define SLAB_PAGES (SLAB_SIZE >> PAGE_SHIFT)

/* Objects for one slab of another heap, freed by this thread. */
struct batch {
	struct slab *slab;
	void *head, *tail;
	uint32_t count, limit; /* posted when they are equal */
};

#define BATCH_SETS  16
#define BATCH_WAYS  2
#define BATCH_MAX   64	   /* objects */
#define BATCH_BYTES KIB(4) /* bytes, whichever comes first */

struct tcache {
	void *list[NR_LISTS]; /* list[0] is always empty */
	struct heap *heap;
	uint32_t id; /* heap->id, or OWNER_NOBODY */
	bool busy;   /* inside the slow path: what comes now is a signal handler
		      */
	bool exiting; /* torn down: it borrows a heap for each call */
};

struct heap {
	struct mm_lock lock;
	uint32_t id;
	unsigned nid;
	bool of_node; /* never has a thread; mm_alloc_node() locks it */
	bool idle;    /* no thread; seq_cst, pairs with posts to the inbox */
	struct tcache *tc;
	void *parked[NR_LISTS]; /* its lists while there is no thread */
	struct heap *next_all, *next_idle;
	struct slab *active[NR_CLASSES];
	struct slab *partial[NR_CLASSES];
	struct pcp pcp;
	struct tlb tlb;
	struct mm_counters stats;
	struct batch batch[BATCH_SETS][BATCH_WAYS];
	void *inbox __cacheline; /* atomic: other threads push here */
};

extern __tls struct tcache tcache __hidden;

/* off after a fork of a threaded process: other threads were cut short */
extern bool slab_trust_chains __hidden;

/* check=on or memcheck: lists stay empty, every call takes the slow path */
extern bool slab_check __hidden;

/* ---- the fast path ---- */

/** slab_alloc_fast - pop from the thread list; NULL if the slow path must */
static __flatten void *slab_alloc_fast(size_t n)
{
	size_t list = size_steps(n);
	void *p;

	if (unlikely(n > STEP_MAX))
		return NULL;
	p = tcache.list[list];
	if (likely(p))
		tcache.list[list] = *(void **)p;
	return p;
}

enum free_result { FREE_DONE, FREE_EVENT, FREE_OTHER };

/**
 * slab_free_fast - push to the freelist of a slab of this thread
 *
 * Returns FREE_EVENT if the slab's credits are used up, see slab_event(), and
 * FREE_OTHER if the object is not this thread's: nothing happened.
 */
static __flatten enum free_result slab_free_fast(void *p)
{
	size_t off = (uintptr_t)p - windows[0].base;
	struct slab *s;

	if (unlikely(off >= windows[0].size) ||
	    unlikely(HOT_READ(windows[0].slots[off >> SLAB_SHIFT].owner) !=
		     tcache.id))
		return FREE_OTHER;
	s = &windows[0].slabs[off >> SLAB_SHIFT];
	*(void **)p = s->freelist;
	s->freelist = p;
	return likely(--s->credits) ? FREE_DONE : FREE_EVENT;
}

/** slab_bytes_fast - size of a small object in the first window, else 0 */
static __flatten size_t slab_bytes_fast(const void *p)
{
	size_t off = (uintptr_t)p - windows[0].base;

	if (unlikely(off >= windows[0].size))
		return 0;
	return class_bytes[windows[0].slots[off >> SLAB_SHIFT].class];
}

/**
 * slab_list - a heap's list
 *
 * A heap without a thread has its lists parked in itself.
 */
static inline void **slab_list(struct heap *h, unsigned list)
{
	return h->tc ? &h->tc->list[list] : &h->parked[list];
}

/* objects of a slab that are in use, or in the thread list */
static inline int32_t slab_inuse(const struct slab *s)
{
	return s->credits + s->bias;
}

/*
 * An active slab has one credit more than objects in use: however many come
 * back, it waits for the next refill.
 */
static inline void slab_activate(struct slab *s)
{
	s->credits = slab_inuse(s) + 1;
	s->bias = -1;
	s->state = SLAB_ACTIVE;
}

static inline void slab_deactivate(struct slab *s)
{
	s->credits = slab_inuse(s);
	s->bias = 0;
	s->state = SLAB_PARTIAL;
}

/** double_free - one line, then the end */
__attribute__((noreturn)) void double_free(const struct slab *s, const void *p);

/*
 * An object freed twice makes the chain a circle. The first two links, which
 * are popped at once anyway, show it if no or one other object was freed in
 * between; following all of them to the end was measured to cost random
 * replacement 8 % (bench/run --only random).
 */
static inline void check_chain(const struct slab *s)
{
	char *first = s->freelist, *second = *(char **)first;

	if (unlikely((uint32_t)slab_inuse(s) > s->carved) && slab_trust_chains)
		double_free(s, first);
	if (second && unlikely(first == second || first == *(char **)second))
		double_free(s, first);
}

/* Objects from the freelist of an active slab, which has some. */
static inline void *slab_take(struct slab *s)
{
	void *head = s->freelist, *tail = head;

	check_chain(s);
	if (!class_is_shared(s->class)) {
		s->freelist = NULL;
		s->credits = s->carved + 1;
		return head;
	}
	s->credits++;
	for (unsigned n = 1; n < SHARE_MAX && *(void **)tail; n++) {
		tail = *(void **)tail;
		s->credits++;
	}
	s->freelist = *(void **)tail;
	*(void **)tail = NULL;
	return head;
}

/**
 * slab_refill_fast - take what the active slab has got back, and pop one
 *
 * The list is empty. Only the heap's thread touches what is touched here, so no
 * lock is needed: this is still the fast path. NULL if there is nothing.
 */
static inline void *slab_refill_fast(struct heap *h, unsigned list,
				     unsigned class)
{
	struct slab *s = h->active[class];
	void *p;

	if (!s || !s->freelist || unlikely(slab_check))
		return NULL;
	p = slab_take(s);
	tcache.list[list] = *(void **)p;
	return p;
}

/* ---- the slow path: slub.c; h is the caller's heap ---- */

/**
 * slab_alloc - an object, and a refilled thread list
 * @list: 1..NR_LISTS-1, empty
 *
 * Returns NULL if no zone has memory. Context: takes h->lock.
 */
void *slab_alloc(struct heap *h, unsigned list);

/** slab_alloc_node - an object on a node, NULL if no zone has memory */
void *slab_alloc_node(unsigned nid, unsigned list);

/** slab_event - the credits of a slab of @h are used up; takes h->lock */
void slab_event(struct heap *h, struct slab *s);

/**
 * slab_free - free an object of any slab, from any thread
 * @s: its slab, as slab_of() says
 *
 * Ends in bug() if the object is found to be free or @p points into one.
 */
void slab_free(struct heap *h, struct slab *s, void *p);

/** slab_mark_out - the page at @p leaves: if it is a slab's, frees shall look
 */
void slab_mark_out(const void *p);

/** slab_nr_notes - free objects that are noted; 0 if @s->notes is NULL */
uint32_t slab_nr_notes(const struct slab *s);

/** slab_nr - number of the slab at an address of window @w */
static inline size_t slab_nr(const struct window *w, const void *p)
{
	return ((uintptr_t)p - w->base) >> SLAB_SHIFT;
}

/**
 * slot_at - owner word of the slab at an address of window @w
 *
 * It is always there, also for who has no lock and meets a slab that is gone
 * or half made; class 0 says so.
 */
static inline const struct slot *slot_at(const struct window *w, const void *p)
{
	return &w->slots[slab_nr(w, p)];
}

/** slab_of - descriptor of the slab at an address of window @w, or NULL */
static inline struct slab *slab_of(const struct window *w, const void *p)
{
	/* pairs with the release in slab_create() */
	if (smp_load_acquire(&slot_at(w, p)->owner) == OWNER_NONE)
		return NULL;
	return &w->slabs[slab_nr(w, p)];
}

/** slab_at - descriptor of the slab at any address, or NULL */
static inline struct slab *slab_at(const void *p)
{
	struct window *w = map_window(NULL, (uintptr_t)p);

	return w ? slab_of(w, p) : NULL;
}

/**
 * slot_of - owner word of a slab
 *
 * In the first window without a look at the descriptor, whose line belongs to
 * the owner's caches.
 */
static inline struct slot *slot_of(const struct slab *s)
{
	size_t i = (size_t)(s - windows[0].slabs);

	if (likely(i < windows[0].size >> SLAB_SHIFT))
		return &windows[0].slots[i];
	return &pfn_window(s->pfn)->slots[pfn_index(s->pfn) / SLAB_PAGES];
}

/**
 * slab_object - start of the object that an address of the slab lies in
 *
 * What lies before the first object counts as part of it. The division is a
 * multiplication: exact, as offset * bytes < 2^32.
 */
static inline char *slab_object(const struct slot *slot, const void *p)
{
	uint32_t bytes = class_bytes[slot->class];
	uint32_t colour = slot->colour * COLOUR_STEP;
	uint32_t off = (uintptr_t)p & (SLAB_SIZE - 1);
	char *base = (char *)p - off + colour;

	if (unlikely(off < colour))
		return base;
	off -= colour;
	return base + ((uint64_t)off * class_magic[slot->class] >> 32) * bytes;
}

/** batch_set - where the batch for a slab is, if there is one */
static inline struct batch *batch_set(struct heap *h, const struct slab *s)
{
	size_t key = (uintptr_t)s / SLAB_BYTES;

	return h->batch[(key ^ key >> 7) % BATCH_SETS];
}

/**
 * remote_free_fast - add an object to the batch that is open for its slab
 *
 * Returns false if there is none, if it will be full, or if anything looks
 * wrong. Whose slab it is does not matter: the batch finds its way.
 */
static inline bool remote_free_fast(struct heap *h, void *p)
{
	size_t off = (uintptr_t)p - windows[0].base, i = off >> SLAB_SHIFT;
	const struct slab *s = &windows[0].slabs[i];
	struct batch *b = batch_set(h, s);

	if (unlikely(off >= windows[0].size))
		return false;
	for (unsigned way = 0; b->slab != s; b++)
		if (++way == BATCH_WAYS)
			return false;
	if (b->count + 1 >= b->limit || b->head == p ||
	    slab_object(&windows[0].slots[i], p) != p)
		return false;
	*(void **)p = b->head;
	b->head = p;
	b->count++;
	return true;
}

/* ---- inside the room; callers hold h->lock ---- */

void __slab_put(struct heap *h, struct slab *s, void *head, void *tail,
		uint32_t count);
/** slab_put - take back one object, wherever its page is; takes h->lock */
void slab_put(struct heap *h, struct slab *s, void *p);
void __slab_release(struct heap *h, struct slab *s);
void slab_retire(struct slab *s);
void slab_sleep(struct slab *s);

/** __disown_partial - leave partial slabs of a class to the node */
void __disown_partial(struct heap *h, unsigned class);

/* remote.c */
void remote_free(struct heap *h, struct slab *s, void *p);
void remote_flush(struct heap *h);
void remote_post(struct slab *s, void *head, void *tail, uint32_t count);
/** slab_take_home - put objects back on a slab that was @h's, if it still is */
void slab_take_home(struct heap *h, struct slab *s, void *head, void *tail,
		    uint32_t count);
bool __inbox_drain(struct heap *h);
/** heap_drain_idle - if nobody runs the heap, take its inbox for it */
void heap_drain_idle(struct heap *h);

/* note.c */
/** __slab_note - note a free object of @h's slab, if its page is out */
bool __slab_note(struct heap *h, struct slab *s, const void *p);
void __slab_link_notes(struct slab *s);
void __slab_forget_notes(struct slab *s);
void note_fork(enum fork_step step);

/* partial.c */
struct slab *partial_get(struct heap *h, unsigned nid, unsigned class);
void partial_put(struct slab *s);
bool partial_adopt(struct heap *h, struct slab *s);
/** partial_put_objects - free into an orphan; false if it is none any more */
bool partial_put_objects(struct slab *s, void *head, void *tail,
			 uint32_t count);
int partial_init(void);
void partial_fork(enum fork_step step);

/** slab_give - a slab changes hands; its mark goes along */
static inline void slab_give(const struct slab *s, uint32_t owner)
{
	struct slot *slot = slot_of(s);
	uint32_t mark = READ_ONCE(slot->owner) & OWNER_OUT;

	/* pairs with the acquire in slot_owner() */
	smp_store_release(&slot->owner, owner | mark);
}

static inline void slab_unlink(struct slab **head, struct slab *s)
{
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		WRITE_ONCE(*head, s->next);
	s->next = s->prev = NULL;
}

static inline void slab_link(struct slab **head, struct slab *s)
{
	s->prev = NULL;
	s->next = *head;
	if (s->next)
		s->next->prev = s;
	WRITE_ONCE(*head, s);
}

/* ---- heaps and threads: heap.c ---- */

int heap_init(void);

/** heap_get - a heap for this thread, from the pool or new; NULL: no memory */
struct heap *heap_get(void);

/** heap_put - hand everything over and pool the heap; the thread ends */
void heap_put(struct heap *h);

/** heap_of_node - a heap that has no thread and stays on its node, or NULL */
struct heap *heap_of_node(unsigned nid);

struct heap *heap_by_id(uint32_t id);
struct heap *heap_first(void);
unsigned heap_count(void);

void __heap_follow(struct heap *h);

/** heap_follow - go to the node of the thread; caller holds h->lock */
static inline void heap_follow(struct heap *h)
{
	if (unlikely(nr_nodes > 1))
		__heap_follow(h);
}

/** slab_is_home - does a slab lie on its heap's node */
static inline bool slab_is_home(const struct heap *h, const struct slab *s)
{
	return likely(nr_nodes == 1) || page_zone(s->pfn)->nid == h->nid;
}

/** heap_trim - send this heap's batches, drain its inbox and page lists */
void heap_trim(struct heap *h);

/** drain_page_lists - give back what other heaps have in their page lists */
void drain_page_lists(void);

/** trim_node_heaps - the same for the heaps of heap_of_node() */
void trim_node_heaps(void);

/** list_length - objects in a thread list, as far as known */
size_t list_length(struct heap *h, unsigned list);

/** validate_slab - abort if an invariant is broken; nobody uses it meanwhile */
void validate_slab(const struct slab *s);

/**
 * validate_heap - walk a heap's slabs and lists, likewise
 *
 * Context: takes h->lock; the heap's thread does not run.
 */
void validate_heap(struct heap *h);

/** slab_fork - what a step of fork() does to heaps and locks of this room */
void slab_fork(enum fork_step step);

#endif
