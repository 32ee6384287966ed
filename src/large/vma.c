// SPDX-License-Identifier: MIT
/*
 * large/vma.c - blocks with a mapping of their own
 *
 * A block that grows is moved, pages and all, into a reservation four times
 * its size, and from then on grows in place until that is full: n steps of
 * growth cost log n moves, and no byte is copied.
 */
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include "base/list.h"
#include "large/large.h"

#define GROW_RESERVE 4 /* times its size, for a block that grows */
#define SPARSE_PAGES (GIB(1) >> PAGE_SHIFT) /* most may be untouched */

static struct mm_lock vma_lock = LOCK(VMA);
static struct list_head live = { &live, &live };
static struct vma *unused; /* linked through list.next; type-stable */
static struct vma_totals totals;

static struct vma *get_vma(void)
{
	struct vma *v;

	lock_acquire(&vma_lock);
	v = unused;
	if (v)
		unused = (struct vma *)v->list.next;
	lock_release(&vma_lock);
	return v ? v : memblock_alloc(sizeof(*v), 64);
}

static void put_vma(struct vma *v)
{
	lock_acquire(&vma_lock);
	v->list.next = (struct list_head *)unused;
	unused = v;
	lock_release(&vma_lock);
}

static void add_outside(ssize_t pages)
{
	__atomic_add_fetch(&pages_outside, (size_t)pages, __ATOMIC_RELAXED);
}

/*
 * Without page states all of a block counts as held, else what was touched,
 * which is counted where that is seen.
 */
static void count(const struct vma *v, size_t blocks, size_t bytes,
		  size_t reserved)
{
	totals.blocks += blocks;
	totals.bytes += bytes;
	totals.reserved += reserved;
	if (!v->mapping.ptes)
		add_outside((ssize_t)bytes >> PAGE_SHIFT);
	totals.peak_blocks = max_size(totals.peak_blocks, totals.blocks);
	totals.peak_bytes = max_size(totals.peak_bytes, totals.bytes);
}

/* Address space without rights, aligned; NULL if there is not that much. */
static char *reserve_aligned(const struct heap *h, size_t size, size_t align)
{
	char *p = os_reserve(size + align), *start;

	if (!p)
		return NULL;
	start = (char *)align_up((uintptr_t)p, align);
	if (start > p)
		os_unmap(p, (size_t)(start - p));
	if (start < p + align)
		os_unmap(start + size, (size_t)(p + align - start));
	node_place(h->nid, start, size);
	return start;
}

/* ---- page states, while swap works ---- */

static size_t ptes_bytes(const struct vma *v)
{
	return (v->reserved >> PAGE_SHIFT) * sizeof(pte_t);
}

static size_t drop_entries(pte_t *start, pte_t *end)
{
	size_t n = ptes_touched(start, (size_t)(end - start));

	ptes_drop(start, (size_t)(end - start), DROP_ALL);
	return n;
}

/* Programs reserve blocks of any size: only what of the table is there. */
static size_t drop_sparse(pte_t *start, pte_t *end)
{
	uintptr_t first = align_down((uintptr_t)start, PAGE_SIZE);
	uintptr_t last = align_up((uintptr_t)end, PAGE_SIZE), at = first, to;
	int fd = os_pagemap_open(), r = fd;
	size_t n = 0;

	for (; r >= 0 && at < last; at = to) {
		to = last;
		r = os_pagemap_next(fd, &at, &to, 0);
		if (r <= 0)
			break;
		n += drop_entries((pte_t *)max_size(at, (uintptr_t)start),
				  (pte_t *)min_size(to, (uintptr_t)end));
	}
	if (fd >= 0)
		os_close(fd);
	/* what has been dropped is not found again */
	return r < 0 ? n + drop_entries(start, end) : n;
}

/*
 * The pages of a block from @bytes on are not needed. How many of them count:
 * for add_outside(), once their memory has gone.
 */
static size_t drop_tail(struct vma *v, size_t bytes)
{
	pte_t *ptes = v->mapping.ptes;
	size_t from = bytes >> PAGE_SHIFT, to = v->size >> PAGE_SHIFT;

	if (likely(!ptes))
		return 0;
	return to - from < SPARSE_PAGES ? drop_entries(ptes + from, ptes + to)
					: drop_sparse(ptes + from, ptes + to);
}

/* All of them, and the entries: waits for swapd and the service. */
static size_t drop_ptes(struct vma *v)
{
	size_t n;

	if (likely(!v->mapping.ptes))
		return 0;
	lock_acquire(&scan_lock);
	n = drop_tail(v, 0);
	lock_release(&scan_lock);
	service_sync();
	os_unmap(v->mapping.ptes, ptes_bytes(v));
	v->mapping.ptes = NULL;
	return n;
}

static bool enter(struct vma *v, const struct heap *h, char *start, size_t size,
		  size_t reserved)
{
	v->nid = (uint8_t)h->nid;
	v->size = v->held = size;
	v->reserved = reserved;
	v->nr_pieces = 1;
	v->nr_pins = 0;
	v->piece[0].size = size;
	v->mapping.armed = false;
	v->mapping.ptes = swap_on ? os_map(ptes_bytes(v)) : NULL;
	if (swap_on && !v->mapping.ptes)
		return false;
	mapping_init(&v->mapping, (uintptr_t)start, (uintptr_t)start + reserved,
		     MAPPING_VMA);
	if (pgtable_map(&mm_pgtable, &v->mapping)) {
		drop_ptes(v);
		return false;
	}
	lock_acquire(&vma_lock);
	list_add(&v->list, &live);
	count(v, 1, size, reserved);
	lock_release(&vma_lock);
	return true;
}

/* A failing munmap (too many mappings) costs address space, not memory. */
static void unmap(void *p, size_t size)
{
	if (size && os_unmap(p, size)) {
		os_unlock(p, size);
		os_purge(p, size);
	}
}

static void leave_and_unmap(struct vma *v)
{
	size_t n;

	orphans_wait();
	pgtable_unmap(&mm_pgtable, &v->mapping);
	lock_acquire(&vma_lock);
	list_del_init(&v->list);
	count(v, -1UL, -v->held, -v->reserved);
	lock_release(&vma_lock);
	n = drop_ptes(v);
	unmap((void *)v->mapping.start, v->reserved);
	add_outside(-(ssize_t)n);
}

/* With swap, what counts is what will be touched of it. */
static bool may_hold(size_t bytes, size_t more)
{
	return unlikely(swap_on) && bytes > VMA_MIN
		       ? swap_room()
		       : within_limit(more >> PAGE_SHIFT);
}

void *vma_alloc(const struct heap *h, size_t size, size_t align)
{
	size_t bytes = align_up(size, VMA_ALIGN);
	struct vma *v;
	char *p;

	if (bytes < size || !may_hold(bytes, bytes))
		return NULL;
	align = max_size(align, VMA_ALIGN);
	if (bytes + align < bytes)
		return NULL;
	p = reserve_aligned(h, bytes, align);
	if (!p)
		return NULL;
	v = get_vma();
	if (v && !os_commit(p, bytes) && enter(v, h, p, bytes, bytes)) {
		if (unlikely(swap_arms_early))
			swap_ask(SWAP_ARM, &v->mapping, 0);
		return p;
	}
	unmap(p, bytes);
	if (v)
		put_vma(v);
	return NULL;
}

__cold static void bad_free(const struct vma *v, const void *p)
{
	const char *start = (const char *)v->mapping.start;

	bug("invalid free of %p: %zu bytes inside a block of %zu bytes at %p",
	    p, (size_t)((const char *)p - start), v->held, (const void *)start);
}

void vma_free(struct heap *h, struct vma *v, void *p)
{
	if ((uintptr_t)p != v->mapping.start)
		bad_free(v, p);
	counter_add(&h->stats, STAT_vma_free, 1);
	leave_and_unmap(v);
	put_vma(v);
}

/* ---- growing ---- */

/* What has gone must come back, at any cost; what is swapped out stays there.
 */
static void bring_back(char *to, const char *from, size_t size)
{
	bool has[64];
	int fd = os_pagemap_open();

	for (size_t off = 0; off < size; off += sizeof(has) << PAGE_SHIFT) {
		size_t nr = min_size((size - off) >> PAGE_SHIFT, sizeof(has));
		bool known =
			fd >= 0 && !os_pagemap_read(fd, from + off, nr, has);

		for (size_t i = 0; i < nr; i++) {
			size_t at = off + (i << PAGE_SHIFT);

			if (known ? has[i] : os_resident(from + at, 1) > 0)
				memcpy(to + at, from + at, PAGE_SIZE);
		}
	}
	if (fd >= 0)
		os_close(fd);
}

/*
 * The pages of a moved piece and those added behind it stay two mappings of
 * the kernel, and a move takes one mapping at a time: remember the seams. From
 * Linux 6.17 on it may fail after a part.
 */
static bool move_pieces(char *to, char *from, const struct vma_piece *piece,
			unsigned nr)
{
	size_t off = 0;

	for (unsigned i = 0; i < nr; off += piece[i++].size)
		if (os_move(from + off, to + off, piece[i].size)) {
			bring_back(from, to, off + piece[i].size);
			return false;
		}
	return true;
}

/*
 * The same while swap works: what is out stays out, under its new address.
 * Nobody takes pages out or brings them back meanwhile; afterwards whoever
 * touches them must meet the service.
 */
static bool move_swapped(struct vma *to, char *from, pte_t *ptes,
			 const struct vma_piece *piece, unsigned nr)
{
	char *start = (char *)to->mapping.start;
	size_t pages = 0;
	bool ok;

	/* swapd waits for the end of the fork */
	if (lock_is_forking())
		return false;
	for (unsigned i = 0; i < nr; i++)
		pages += piece[i].size >> PAGE_SHIFT;
	/* one mapping of the kernel's, if it can be had */
	swap_ask(SWAP_ARM_RANGE, from, pages << PAGE_SHIFT);
	orphans_wait();
	lock_acquire(&scan_lock);
	service_keep_off((uintptr_t)from,
			 (uintptr_t)from + (pages << PAGE_SHIFT));
	ok = move_pieces(start, from, piece, nr);
	if (ok) {
		/* swapd may have seen it while there was nothing in it */
		WRITE_ONCE(to->mapping.armed, false);
		add_outside((ssize_t)ptes_touched(ptes, pages));
		ptes_transfer(to->mapping.ptes, ptes, pages, to->mapping.start);
	}
	service_keep_off(0, 0);
	lock_release(&scan_lock);
	if (ok && swap_ask(SWAP_ARM, &to->mapping, 0))
		bug("swap: the kernel does not watch over a block of %zu bytes that was moved (too many mappings?). Raise vm.max_map_count",
		    to->size);
	return ok;
}

/*
 * Move pages from a run or a mapping to a larger reservation. On failure the
 * block is whole where it was.
 */
static struct vma *grow_moving(const struct heap *h, char *from, pte_t *ptes,
			       const struct vma_piece *piece, unsigned nr,
			       size_t old_size, size_t size)
{
	size_t bytes = align_up(size, VMA_ALIGN), reserved;
	struct vma *v = get_vma();
	char *to = NULL;

	if (!__builtin_mul_overflow(bytes, GROW_RESERVE, &reserved))
		to = reserve_aligned(h, reserved, VMA_ALIGN);
	if (!to) {
		reserved = bytes;
		to = reserve_aligned(h, reserved, VMA_ALIGN);
	}
	if (to && v && nr < MAX_PIECES &&
	    !os_commit(to + old_size, bytes - old_size) &&
	    enter(v, h, to, bytes, reserved)) {
		if (unlikely(swap_on) && ptes
			    ? move_swapped(v, from, ptes, piece, nr)
			    : move_pieces(to, from, piece, nr)) {
			for (unsigned i = 0; i < nr; i++)
				v->piece[i] = piece[i];
			v->piece[nr].size = bytes - old_size;
			v->nr_pieces = nr + 1;
			return v;
		}
		leave_and_unmap(v);
		to = NULL;
	}
	if (to)
		unmap(to, reserved);
	if (v)
		put_vma(v);
	return NULL;
}

/* So much of the block is in use from now on. Caller holds vma_lock. */
static void hold(struct vma *v, size_t bytes)
{
	count(v, 0, bytes - v->held, 0);
	v->held = bytes;
}

static bool grow_in_place(struct vma *v, size_t bytes)
{
	size_t more = bytes - v->size;

	if (bytes > v->reserved ||
	    os_commit((char *)v->mapping.start + v->size, more))
		return false;
	lock_acquire(&vma_lock);
	v->piece[v->nr_pieces - 1].size += more;
	v->size = bytes;
	hold(v, bytes);
	lock_release(&vma_lock);
	return true;
}

void *vma_resize(struct heap *h, struct vma *v, void *p, size_t size)
{
	size_t bytes = align_up(size, VMA_ALIGN), n;
	struct vma *to;

	if ((uintptr_t)p != v->mapping.start)
		bad_free(v, p);
	if (bytes < size)
		return NULL;
	if (bytes > v->held && !may_hold(bytes, bytes - v->held))
		return NULL;
	if (bytes <= v->size) {
		/* the address space stays, the memory goes */
		orphans_wait();
		n = drop_tail(v, bytes);
		os_purge((char *)p + bytes, v->size - bytes);
		add_outside(-(ssize_t)n);
		lock_acquire(&vma_lock);
		hold(v, bytes);
		lock_release(&vma_lock);
		return p;
	}
	if (grow_in_place(v, bytes))
		return p;
	to = grow_moving(h, p, v->mapping.ptes, v->piece, v->nr_pieces, v->size,
			 size);
	if (!to)
		return NULL;
	vma_free(h, v, p);
	counter_add(&h->stats, STAT_vma_alloc, 1);
	return (void *)to->mapping.start;
}

void *run_move(struct heap *h, struct window *w, void *p, size_t size)
{
	pfn_t pfn = addr_to_pfn(w, p);
	size_t nr = pfn_to_page(pfn)->nr;
	struct vma_piece piece = { .size = nr << PAGE_SHIFT };
	struct vma *to = NULL;

	if (may_hold(size, size - piece.size))
		to = grow_moving(h, p, pfn_to_pte(pfn), &piece, 1, piece.size,
				 size);
	if (!to)
		return NULL;
	forget_pages(pfn, nr);
	free_run_dirty(pfn, nr, 0);
	counter_add(&h->stats, STAT_large_free, 1);
	counter_add(&h->stats, STAT_vma_alloc, 1);
	return (void *)to->mapping.start;
}

/* ---- pinning ---- */

int vma_pin(struct vma *v, void *p, size_t size)
{
	uintptr_t page = os_page_size();
	uintptr_t start = align_down((uintptr_t)p, page);
	size_t bytes = align_up((uintptr_t)p + size, page) - start;
	int err;

	/* what is out or shared may wait for swapd, which takes the lock */
	if (unlikely(swap_on))
		os_advise((void *)start, bytes, OS_UNSHARE);
	lock_acquire(&vma_lock);
	err = os_lock((void *)start, bytes);
	v->nr_pins += !err;
	/* it may have failed half way */
	if (err && !v->nr_pins)
		os_unlock((void *)v->mapping.start, v->size);
	lock_release(&vma_lock);
	return err ? -EPERM : 0;
}

int vma_unpin(struct vma *v)
{
	bool ok;

	lock_acquire(&vma_lock);
	ok = v->nr_pins > 0;
	v->nr_pins -= ok;
	if (ok && !v->nr_pins)
		os_unlock((void *)v->mapping.start, v->size);
	lock_release(&vma_lock);
	return ok ? 0 : -EINVAL;
}

/* ---- looking ---- */

struct vma *vma_next(uintptr_t start)
{
	struct vma *v, *best = NULL;

	lock_acquire(&vma_lock);
	list_for_each_entry(v, &live, list)
		if (v->mapping.ptes && v->mapping.start >= start &&
		    (!best || v->mapping.start < best->mapping.start))
			best = v;
	lock_release(&vma_lock);
	return best;
}

const struct vma_totals *vma_totals(void)
{
	return &totals;
}

void large_fork(enum fork_step step)
{
	struct vma *v;

	lock_fork(&vma_lock, step);
	if (step != FORK_CHILD)
		return;
	/* locks are not inherited */
	list_for_each_entry(v, &live, list)
		v->nr_pins = 0;
}
