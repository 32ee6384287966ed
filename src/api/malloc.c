// SPDX-License-Identifier: MIT
/*
 * api/malloc.c - malloc, free and their kin behind the fast path
 *
 * Decides which room serves a request: slab/ up to SMALL_MAX, large/ above. A
 * request that fails is tried once more after direct reclaim.
 */
#include <errno.h>
#include <string.h>
#include "api/init.h"
#include "api/valgrind.h"

#define MAX_REQUEST   (1UL << 48) /* more than the kernel gives unasked */
#define RECLAIM_TRIES 32
#define RAISE_TRIES   8
#define LIMIT_STEP    256 /* pages that a raise of the limit is good for */

bool find_block(struct heap *h, const void *p, struct block *b)
{
	struct mapping *m = map_find(h ? &h->tlb : NULL, (uintptr_t)p);

	*b = (struct block){ 0 };
	if (!m)
		return false;
	if (m->kind == MAPPING_VMA) {
		b->vma = mapping_vma(m);
		return true;
	}
	b->window = mapping_window(m);
	b->slab = slab_of(b->window, p);
	return true;
}

size_t block_bytes(const struct block *b, const void *p)
{
	pfn_t head;

	if (b->slab)
		return class_bytes[b->slab->class];
	if (b->vma)
		return b->vma->held;
	head = run_head(b->window, p);
	return head ? (size_t)pfn_to_page(head)->nr << PAGE_SHIFT : 0;
}

/* One line for the first foreign pointer; programs may mix allocators. */
__cold static void foreign(const char *what, const void *p)
{
	stat_add_global(STAT_foreign_free, 1);
	mm_warn_once("%s of %p: not a block of libmm; ignored (reported once)",
		     what, p);
}

/* ---- allocating ---- */

static void *alloc_small(struct heap *h, unsigned list)
{
	void **head = slab_list(h, list), *p = *head;

	if (!p)
		return slab_alloc(h, list);
	*head = *(void **)p;
	return p;
}

static void *alloc(struct heap *h, size_t n, size_t align, gfp_t gfp)
{
	unsigned list;

	if (n > SMALL_MAX || align > PAGE_SIZE) {
		void *p;

		lock_acquire(&h->lock);
		p = large_alloc(h, n, align, gfp);
		lock_release(&h->lock);
		return p;
	}
	list = size_list(n);
	while (!class_is_aligned(list_class(list), align))
		list++;
	return alloc_small(h, list);
}

/*
 * Once in any case. What swap has made room for another thread may have taken:
 * then it is worth it as long as something leaves. If all there is has to stay,
 * the heap goes beyond its limit: what is cold later has somewhere to go.
 * Blocks above VMA_MIN do not fail for a limit while there is swap.
 */
static bool make_room(struct heap *h, size_t n, unsigned tries)
{
	/* what is small takes a slab */
	size_t pages = max_size((n >> PAGE_SHIFT) + 1, SLAB_PAGES);
	size_t limit = READ_ONCE(page_limit);
	bool swaps = swap_on && limit != SIZE_MAX && n <= VMA_MIN;
	bool made = false, over = swaps && !within_limit(pages);

	if (tries && (!swaps || tries >= RECLAIM_TRIES + RAISE_TRIES))
		return false;
	/* room has come meanwhile, or it is something else that lacks */
	if (tries && !over)
		return true;
	counter_add(&h->stats, STAT_allocstall, 1);
	reclaim_trim(h, 0);
	/* for more than that everything would have to leave */
	if (over && pages < limit / 2)
		made = swap_ask(SWAP_ROOM, NULL, n);
	if (!tries || (made && tries < RECLAIM_TRIES))
		return true;
	if (!swap_room())
		return false;
	limit_raise(pages + LIMIT_STEP);
	return true;
}

__cold bool door_again(struct heap *h, size_t n, unsigned tries)
{
	if (make_room(h, n, tries))
		return true;
	counter_add(&h->stats, STAT_oom_fail, 1);
	return false;
}

static void *alloc_or_reclaim(struct heap *h, size_t n, size_t align, gfp_t gfp)
{
	/* what no window can align has a mapping of its own */
	size_t takes = align > PAGE_SIZE << MAX_PAGE_ORDER
			       ? max_size(n, VMA_ALIGN)
			       : n;
	unsigned tries = 0;
	void *p;

	do
		p = alloc(h, n, align, gfp);
	while (unlikely(!p) && door_again(h, takes, tries++));
	return p;
}

/* All of the allocating calls end here. */
static void *door_alloc(size_t n, size_t align, bool zero)
{
	bool nested = tcache.busy;
	struct heap *h;
	void *p = NULL;

	if (unlikely(n > MAX_REQUEST || align > MAX_REQUEST)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!n)
		n = 1;
	h = door_enter();
	if (likely(h != NULL)) {
		p = alloc_or_reclaim(h, n, align, zero ? GFP_ZERO : 0);
		if (p && zero && n <= SMALL_MAX && align <= PAGE_SIZE)
			memset(p, 0, n);
		if (p)
			valgrind_block(p, n, zero);
		door_leave(h);
	} else if (nested) {
		/* the reserve is zero only the first time */
		p = nested_alloc(n, align);
		if (p)
			p = memset(p, 0, n);
	}
	if (unlikely(!p))
		errno = ENOMEM;
	return p;
}

/*
 * A list above the steps, or an empty one: still without a lock, as the active
 * slab may have objects. A signal handler may have come amidst a refill.
 */
static inline void *malloc_small(size_t n)
{
	unsigned list = size_list(n);
	struct heap *h = tcache.heap;
	void *p = tcache.list[list];

	if (p)
		tcache.list[list] = *(void **)p;
	else if (likely(h != NULL) && likely(!tcache.busy))
		p = slab_refill_fast(h, list, size_class(n));
	return p;
}

__slow void *api_malloc_slow(size_t n)
{
	void *p = NULL;

	n += !n;
	if (n <= SMALL_MAX)
		p = malloc_small(n);
	return likely(p != NULL) ? p : door_alloc(n, 1, false);
}

void *api_calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes))) {
		errno = ENOMEM;
		return NULL;
	}
	if (bytes > SMALL_MAX || unlikely(slab_check))
		return door_alloc(bytes, 1, true);
	p = api_malloc(bytes);
	return likely(p != NULL) ? memset(p, 0, bytes) : NULL;
}

void *api_memalign(size_t align, size_t size)
{
	if (align <= FINE_STEP)
		return api_malloc(size);
	return door_alloc(size, align, false);
}

/* ---- freeing ---- */

static void free_block(struct heap *h, struct block *b, void *p)
{
	valgrind_free(p);
	if (b->slab) {
		slab_free(h, b->slab, p);
		return;
	}
	lock_acquire(&h->lock);
	if (b->vma)
		vma_free(h, b->vma, p);
	else
		run_free(h, b->window, p);
	lock_release(&h->lock);
}

__slow void api_free_slow(void *p)
{
	struct heap *h = tcache.heap;
	struct block b;

	if (!p)
		return;
	if (likely(h && !tcache.busy) && remote_free_fast(h, p))
		return;
	if (unlikely(tcache.busy || nested_owns(p))) {
		nested_free(p);
		return;
	}
	h = door_enter();
	if (!h) {
		if (!find_block(NULL, p, &b))
			foreign("free", p);
		return; /* no memory for a heap: the block is lost */
	}
	if (likely(find_block(h, p, &b)))
		free_block(h, &b, p);
	else
		foreign("free", p);
	door_leave(h);
}

/* The object is on its slab's freelist; what the credits ask for is left. */
__slow void api_free_event(void *p)
{
	struct slab *s = slab_of(&windows[0], p);
	struct heap *h = door_enter();

	if (likely(h != NULL)) {
		slab_event(h, s);
		door_leave(h);
	} else if (s->state == SLAB_FULL) {
		/* in a signal handler: the next free asks again */
		s->credits++;
		s->bias--;
	}
}

/* ---- resizing ---- */

__slow size_t api_usable_slow(const void *p)
{
	struct block b;

	if (!p)
		return 0;
	if (nested_owns(p))
		return nested_bytes(p);
	return find_block(NULL, p, &b) ? block_bytes(&b, p) : 0;
}

/* Neither pins nor flags would follow if the pages changed. */
static bool is_special(const struct block *b, const void *p)
{
	return b->vma ? READ_ONCE(b->vma->nr_pins) : run_flags(b->window, p);
}

/* Resize without a second block; NULL if that cannot be. */
static void *resize(struct heap *h, struct block *b, void *p, size_t n)
{
	size_t old = block_bytes(b, p);
	void *to = NULL;

	if (b->slab || is_special(b, p))
		return n <= old && n > old / 2 ? p : NULL;
	/* a block that shrinks to less than the smallest of its kind moves */
	if (n <= (b->vma ? VMA_MIN : SMALL_MAX) && n < old)
		return NULL;
	if (b->window && run_resize(b->window, p, n))
		to = p;
	else if (b->window && old >= MOVE_MIN)
		to = run_move(h, b->window, p, n);
	else if (b->vma)
		to = vma_resize(h, b->vma, p, n);
	if (to)
		counter_add(&h->stats,
			    to == p ? STAT_realloc_inplace : STAT_realloc_move,
			    1);
	return to;
}

/* What came from mm_alloc_zone() stays what it is. */
static __slow void *alloc_alike(const struct block *b, const void *p, size_t n)
{
	unsigned flags = b->slab || b->vma ? 0 : run_flags(b->window, p);
	const struct zone *z;

	if (likely(!(flags & RUN_ZONED)))
		return api_malloc(n);
	z = page_zone(addr_to_pfn(b->window, p));
	return zone_block(n, z->type, flags & ~(RUN_ZONED | RUN_PINNED));
}

/* What becomes smaller can always stay where it is. */
static void *realloc_copy(const struct block *b, void *p, size_t old, size_t n)
{
	int saved = errno;
	void *to = b ? alloc_alike(b, p, n) : api_malloc(n);

	if (!to && n <= old)
		errno = saved;
	if (!to)
		return n <= old ? p : NULL;
	valgrind_enter();
	memcpy(to, p, min_size(old, n));
	valgrind_leave();
	api_free(p);
	return to;
}

/* The block stays whole whatever happens. */
static void *realloc_block(void *p, size_t n)
{
	struct heap *h = door_enter();
	struct block b;
	void *to = NULL;
	size_t old;

	if (!h || !find_block(h, p, &b)) {
		if (h)
			door_leave(h);
		if (find_block(NULL, p, &b) && !b.slab && is_special(&b, p)) {
			/* what a signal handler gets here is not alike */
			errno = ENOMEM;
			return NULL;
		}
		old = api_usable_size(p);
		if (old)
			return realloc_copy(NULL, p, old, n);
		foreign("realloc", p);
		return NULL;
	}
	old = block_bytes(&b, p);
	lock_acquire(&h->lock);
	if (likely(!on_valgrind))
		to = resize(h, &b, p, n);
	if (!to)
		counter_add(&h->stats, STAT_realloc_copy, 1);
	lock_release(&h->lock);
	door_leave(h);
	return to ? to : realloc_copy(&b, p, old, n);
}

void *api_realloc(void *p, size_t n)
{
	size_t old;

	if (!p)
		return api_malloc(n);
	if (!n) {
		api_free(p);
		return NULL;
	}
	if (unlikely(n > MAX_REQUEST)) {
		errno = ENOMEM;
		return NULL;
	}
	if (likely(!slab_check)) {
		old = slab_bytes_fast(p);
		if (n <= old && n > old / 2)
			return p;
		if (old)
			return realloc_copy(NULL, p, old, n);
	}
	return realloc_block(p, n);
}
