// SPDX-License-Identifier: MIT
/*
 * slab/slub.c - the slow path: refilling lists, waking and releasing slabs
 *
 * See slab.h for the states and invariants. Objects are carved a page at a
 * time, so that a slab costs no more memory than its objects need. A full slab
 * is on no list; frees count down its credits and wake it when there are
 * enough free objects to make a refill worth while.
 * Source: the ideas of Linux mm/slub.c (frozen slabs, partial lists).
 */
#include "slab/slab.h"

#define WAKE_MAX     32 /* free objects that wake a full slab */
#define SEARCH_MAX   4	/* partial slabs looked at for the fullest */
#define RETIRE_CHECK 16 /* objects looked at when a slab goes back */
#define MAX_COLOUR   (PAGE_SIZE - COLOUR_STEP)

#define C8(F, b)                                                               \
	F(b), F(2 * (b)), F(3 * (b)), F(4 * (b)), F(5 * (b)), F(6 * (b)),      \
		F(7 * (b)), F(8 * (b))
#define G8(F, b)                                                               \
	F(9 * (b)), F(10 * (b)), F(11 * (b)), F(12 * (b)), F(13 * (b)),        \
		F(14 * (b)), F(15 * (b)), F(16 * (b))
#define H16(F, b)                                                              \
	F(17 * (b)), F(18 * (b)), F(19 * (b)), F(20 * (b)), F(21 * (b)),       \
		F(22 * (b)), F(23 * (b)), F(24 * (b)), F(25 * (b)),            \
		F(26 * (b)), F(27 * (b)), F(28 * (b)), F(29 * (b)),            \
		F(30 * (b)), F(31 * (b)), F(32 * (b))
/* F(bytes, bytes of the class before, number) */
#define MEDIUM_CLASSES(F)                                                      \
	F(576, 512, 33), F(640, 576, 34), F(704, 640, 35), F(768, 704, 36),    \
		F(832, 768, 37), F(896, 832, 38), F(960, 896, 39),             \
		F(1024, 960, 40), F(1088, 1024, 41), F(1216, 1088, 42),        \
		F(1344, 1216, 43), F(1472, 1344, 44), F(1600, 1472, 45),       \
		F(1728, 1600, 46), F(1856, 1728, 47), F(2048, 1856, 48),       \
		F(2240, 2048, 49), F(2368, 2240, 50), F(2560, 2368, 51),       \
		F(2816, 2560, 52), F(3072, 2816, 53), F(3392, 3072, 54),       \
		F(3776, 3392, 55), F(4096, 3776, 56), F(4368, 4096, 57),       \
		F(4672, 4368, 58), F(4992, 4672, 59), F(5440, 4992, 60),       \
		F(5952, 5440, 61), F(6528, 5952, 62), F(7232, 6528, 63),       \
		F(8192, 7232, 64)
#define ALL_CLASSES(F, M)                                                      \
	C8(F, 16), G8(F, 16), H16(F, 16), MEDIUM_CLASSES(M), F(9360),          \
		F(10912), F(13104), F(16384), F(21840), F(32768)
#define BYTES(b, ...)	     b
#define MAGIC(b, ...)	     (uint32_t)((1UL << 32) / (b) + 1)
#define STEPS(b, before, nr) [((before) + 63) / 64 ...((b)-1) / 64] = (nr)

const uint16_t class_bytes[NR_CLASSES] = { 0, ALL_CLASSES(BYTES, BYTES) };
const uint32_t class_magic[NR_CLASSES] = { 0, ALL_CLASSES(MAGIC, MAGIC) };

const uint8_t medium_classes[MEDIUM_MAX / 64] = { MEDIUM_CLASSES(STEPS) };

bool slab_check;
bool slab_trust_chains = true;
__tls struct tcache tcache = { .id = OWNER_NOBODY };

/* ---- making and releasing slabs ---- */

/*
 * Where the first object starts: slabs of one class use their slack in turn, so
 * that equal places in different slabs do not share one set of the cache.
 */
static size_t slab_colour(unsigned class, size_t i)
{
	size_t slack = SLAB_SIZE % class_bytes[class];

	return i % (min_size(slack, MAX_COLOUR) / COLOUR_STEP + 1) *
	       COLOUR_STEP;
}

/* Objects from..to, counted in bytes from the first, are about to be used. */
static void touch_objects(struct slab *s, size_t from, size_t to)
{
	size_t colour = (size_t)(s->base - pfn_to_addr(s->pfn));
	size_t first = (colour + from) >> PAGE_SHIFT;
	size_t last = (colour + to - 1) >> PAGE_SHIFT;

	touch_pages(s->pfn + (pfn_t)first, last - first + 1, GFP_DEFAULT);
}

static struct slab *slab_create(struct heap *h, unsigned class)
{
	pfn_t pfn = pcp_pop(&h->pcp, SLAB_PAGES);
	struct window *w;
	struct slot *slot;
	struct slab *s;
	size_t i;

	/* a run of that length may have been cut elsewhere */
	if (pfn && pfn % SLAB_PAGES) {
		free_run(pfn, SLAB_PAGES);
		pfn = 0;
	}
	if (!pfn)
		pfn = alloc_run(h->nid, MM_ZONE_HIGHMEM, SLAB_PAGES, SLAB_PAGES,
				GFP_DEFAULT);
	if (!pfn)
		return NULL;
	w = pfn_window(pfn);
	i = pfn_index(pfn) / SLAB_PAGES;
	s = &w->slabs[i];
	*s = (struct slab){
		.base = pfn_to_addr(pfn) + slab_colour(class, i),
		.capacity = (uint16_t)(SLAB_SIZE / class_bytes[class]),
		.class = (uint8_t) class,
		.state = SLAB_PARTIAL,
		.pfn = pfn,
	};
	page_set_type(pfn_to_page(pfn), PAGE_SLAB);
	slot = &w->slots[i];
	slot->class = (uint8_t) class;
	slot->colour = (uint8_t)(slab_colour(class, i) / COLOUR_STEP);
	/* pairs with the acquire in slab_of() */
	smp_store_release(&slot->owner, h->id);
	counter_add(&h->stats, STAT_slab_alloc, 1);
	return s;
}

__cold void double_free(const struct slab *s, const void *p)
{
	if (!p)
		bug("double free of an object of %u bytes, one of those from %p on",
		    class_bytes[s->class], (void *)s->base);
	bug("double free of %p (object of %u bytes)", p, class_bytes[s->class]);
}

/* The slot is no slab any more. Every object must be on the freelist. */
void slab_retire(struct slab *s)
{
	struct slot *slot = slot_of(s);
	char *p = s->freelist;

	/* the first few tell of most double frees */
	for (int i = 0; !s->notes && i < s->carved && i < RETIRE_CHECK; i++) {
		char *next = p ? *(char **)p : NULL;

		if (unlikely(!p || next == p) && slab_trust_chains)
			double_free(s, p ? (void *)p : s->freelist);
		p = next;
	}
	if (unlikely(s->notes))
		__slab_forget_notes(s);
	if (unlikely(READ_ONCE(s->pinned)))
		drop_pins(s->pfn, SLAB_PAGES);
	slot->class = 0;
	/* pairs with the acquire in slab_of() */
	smp_store_release(&slot->owner, OWNER_NONE);
}

/* The slab is empty and on no list. */
void __slab_release(struct heap *h, struct slab *s)
{
	slab_retire(s);
	counter_add(&h->stats, STAT_slab_free, 1);
	if (page_zone(s->pfn)->nid == h->nid &&
	    pcp_push(&h->pcp, s->pfn, SLAB_PAGES, false))
		return;
	free_run(s->pfn, SLAB_PAGES);
}

/* ---- credits ---- */

void slab_sleep(struct slab *s)
{
	int32_t wake = s->capacity / 4;

	if (wake > WAKE_MAX)
		wake = WAKE_MAX;
	if (wake < 1)
		wake = 1;
	s->state = SLAB_FULL;
	s->bias = slab_inuse(s) - wake;
	s->credits = wake;
}

/*
 * The credits of a full slab are used up, and @more objects came back beyond
 * them. If its heap has moved away from its node meanwhile, it stays behind.
 */
static void __slab_wake(struct heap *h, struct slab *s, int32_t more)
{
	counter_add(&h->stats, STAT_slab_wake, 1);
	s->credits = s->bias - more;
	s->bias = 0;
	s->state = SLAB_PARTIAL;
	if (!s->credits)
		__slab_release(h, s);
	else if (slab_is_home(h, s))
		slab_link(&h->partial[s->class], s);
	else
		partial_put(s);
}

static void __slab_event(struct heap *h, struct slab *s)
{
	if (s->state == SLAB_FULL) {
		__slab_wake(h, s, 0);
	} else if (s->state == SLAB_PARTIAL && !s->credits) {
		slab_unlink(&h->partial[s->class], s);
		__slab_release(h, s);
	}
}

void slab_event(struct heap *h, struct slab *s)
{
	lock_acquire(&h->lock);
	__slab_event(h, s);
	lock_release(&h->lock);
}

/* Objects of a slab have come back. */
static void __slab_credit(struct heap *h, struct slab *s, int32_t n)
{
	if (n >= s->credits && s->state == SLAB_FULL) {
		__slab_wake(h, s, n - s->credits);
		return;
	}
	s->credits -= n;
	if (!s->credits)
		__slab_event(h, s);
}

/* Take back a chain of @count free objects. */
void __slab_put(struct heap *h, struct slab *s, void *head, void *tail,
		uint32_t count)
{
	if ((int32_t)count > slab_inuse(s))
		double_free(s, head);
	*(void **)tail = s->freelist;
	s->freelist = head;
	if (slab_check)
		((uintptr_t *)tail)[1] = ~(uintptr_t)tail;
	__slab_credit(h, s, (int32_t)count);
}

void slab_put(struct heap *h, struct slab *s, void *p)
{
	lock_acquire(&h->lock);
	if (unlikely(READ_ONCE(slot_of(s)->owner) & OWNER_OUT) &&
	    __slab_note(h, s, p))
		__slab_credit(h, s, 1);
	else
		__slab_put(h, s, p, p, 1);
	lock_release(&h->lock);
}

/* ---- refilling a thread list ---- */

/* New objects up to the end of the next page, onto the empty freelist. */
static void carve(struct slab *s)
{
	size_t bytes = class_bytes[s->class];
	size_t from = s->carved * bytes;
	size_t page_end = align_up((uintptr_t)s->base + from + 1, PAGE_SIZE);
	size_t to = max_size(page_end - (uintptr_t)s->base, from + bytes);
	size_t nr = min_size((to - from) / bytes,
			     (size_t)(s->capacity - s->carved));
	char *first = s->base + from, *p = first;

	if (!nr)
		return;
	touch_objects(s, from, from + nr * bytes);
	for (size_t i = 1; i < nr; i++, p += bytes)
		*(void **)p = p + bytes;
	*(void **)p = NULL;
	smp_store_release(&s->freelist, (void *)first);
	WRITE_ONCE(s->carved, (uint16_t)(s->carved + nr));
}

/* Objects in use, if the slab can be used without bringing pages back. */
static int32_t appeal(const struct slab *s)
{
	return s->notes ? 0 : s->credits;
}

/* The fullest of the first few partial slabs. */
static struct slab *pick_partial(struct heap *h, unsigned class)
{
	struct slab *best = h->partial[class];
	struct slab *s = best ? best->next : NULL;

	for (int i = 1; s && i < SEARCH_MAX; i++, s = s->next)
		if (appeal(s) > appeal(best))
			best = s;
	if (best)
		slab_unlink(&h->partial[class], best);
	return best;
}

/*
 * Unlike carve() and slab_take(): one object, for check mode. What was never
 * given out has no link that an overrun, which memcheck only reports, breaks.
 */
static void *take_one(struct slab *s)
{
	size_t bytes = class_bytes[s->class];
	char *p = s->freelist;

	if (p) {
		s->freelist = *(void **)p;
	} else if (s->carved < s->capacity) {
		size_t from = s->carved * bytes;

		WRITE_ONCE(s->carved, (uint16_t)(s->carved + 1));
		p = s->base + from;
		touch_objects(s, from, from + bytes);
	} else {
		return NULL;
	}
	s->credits++;
	*(void **)p = NULL; /* a list of one */
	return p;
}

static void *take(struct slab *s)
{
	if (slab_check)
		return take_one(s);
	if (!s->freelist)
		carve(s);
	return s->freelist ? slab_take(s) : NULL;
}

static struct slab *next_active(struct heap *h, unsigned class)
{
	struct slab *s = pick_partial(h, class);

	if (!s)
		s = partial_get(h, h->nid, class);
	if (!s)
		s = slab_create(h, class);
	for (unsigned nid = 0; !s && nid < nr_nodes; nid++)
		s = partial_get(h, nid, class);
	if (s && unlikely(s->notes))
		__slab_link_notes(s);
	if (s)
		slab_activate(s);
	return s;
}

static void *refill(struct heap *h, unsigned class)
{
	struct slab *s = h->active[class];
	void *p;

	if (s && s->freelist)
		return take(s);
	/* objects that come home may be on the active slab */
	if (__inbox_drain(h) && s && s->freelist)
		return take(s);
	if (s && (p = take(s)))
		return p;
	if (s)
		slab_sleep(s);
	h->active[class] = s = next_active(h, class);
	return s ? take(s) : NULL;
}

static void *__slab_alloc(struct heap *h, unsigned list)
{
	void *p = refill(h, list_class(list));

	if (!p)
		return NULL;
	counter_add(&h->stats, STAT_slab_refill, 1);
	*slab_list(h, list) = *(void **)p;
	if (slab_check)
		((uintptr_t *)p)[1] = 0;
	return p;
}

void *slab_alloc(struct heap *h, unsigned list)
{
	void *p;

	lock_acquire(&h->lock);
	heap_follow(h);
	p = __slab_alloc(h, list);
	lock_release(&h->lock);
	return p;
}

void *slab_alloc_node(unsigned nid, unsigned list)
{
	struct heap *h = heap_of_node(nid);
	void **head, *p;

	if (!h)
		return NULL;
	lock_acquire(&h->lock);
	head = slab_list(h, list);
	p = *head;
	if (p)
		*head = *(void **)p;
	else
		p = __slab_alloc(h, list);
	lock_release(&h->lock);
	/* who posted meanwhile could not */
	heap_drain_idle(h);
	return p;
}

/* ---- freeing off the fast path ---- */

/* In check mode a free object carries a mark that depends on its address. */
static void check_free(struct slab *s, void *p)
{
	uintptr_t *word = p;

	if (word[1] == ~(uintptr_t)p)
		double_free(s, p);
	word[1] = ~(uintptr_t)p;
}

static void check_object(const struct slot *slot, const void *p)
{
	const char *object = slab_object(slot, p);

	if (unlikely(object != p))
		bug("invalid free of %p: %zu bytes inside an object of %u bytes at %p",
		    p, (size_t)((const char *)p - object),
		    class_bytes[slot->class], (const void *)object);
}

void slab_free(struct heap *h, struct slab *s, void *p)
{
	const struct slot *slot = slot_of(s);

	check_object(slot, p);
	if (slab_check)
		check_free(s, p);
	if (slot_owner(slot) == h->id)
		slab_put(h, s, p);
	else
		remote_free(h, s, p);
}
