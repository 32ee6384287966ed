// SPDX-License-Identifier: MIT
/*
 * api/place.c - blocks on a node or in a zone of choice, and pins
 *
 * Every argument is checked here. What cannot be is an error, and the first of
 * a kind one line.
 */
#include <errno.h>
#include "api/init.h"
#include "api/valgrind.h"

#define FLAGS_ALL (MM_LOCK | MM_WIPE | MM_DONTFORK | MM_HUGE)

static void *failed(int err)
{
	errno = -err;
	return NULL;
}

/* ---- nodes ---- */

/* Where the kernel places, or a policy of the user's, all is one node here. */
static int find_node(int node)
{
	int nid = node < 0 ? -EINVAL : node_by_phys((unsigned)node);

	if (nid >= 0)
		return nid;
	if (nr_nodes == 1 && !numa_is_fake && node >= 0 && node < MAX_NODES &&
	    (os_nodes_allowed() >> node & 1))
		return 0;
	mm_warn_once(
		"mm_alloc_node: node %d has no memory for this process (reported once). numactl --hardware shows which nodes there are",
		node);
	return -EINVAL;
}

static void *alloc_on(unsigned nid, size_t n)
{
	struct heap *h;
	void *p;

	if (n <= SMALL_MAX)
		return slab_alloc_node(nid, size_list(n));
	h = heap_of_node(nid);
	if (!h)
		return NULL;
	lock_acquire(&h->lock);
	p = large_alloc(h, n, 1, GFP_DEFAULT);
	lock_release(&h->lock);
	heap_drain_idle(h);
	return p;
}

__public void *mm_alloc_node(size_t size, int node)
{
	struct heap *h = door_enter();
	unsigned tries = 0;
	void *p = NULL;
	int nid;

	/* a signal handler inside libmm gets what it would from malloc */
	if (!h)
		return api_malloc(size);
	size += !size;
	nid = find_node(node);
	if (nid >= 0 && size <= PTRDIFF_MAX)
		do
			p = alloc_on((unsigned)nid, size);
		while (!p && door_again(h, size, tries++));
	if (p)
		valgrind_block(p, size, false);
	door_leave(h);
	return p ? p : failed(nid < 0 ? -EINVAL : -ENOMEM);
}

__public int mm_node_of(const void *ptr)
{
	struct mm_page_info info;
	int node = -ENOENT;

	mm_page_query(ptr, &info);
	if (info.kind == MM_KIND_NONE)
		return -EINVAL;
	if (!numa_is_fake)
		node = os_node_of(ptr);
	return node < 0 ? info.node : node;
}

/* ---- pins ---- */

/* What the kernel does not let us lock is memory that is not to be had. */
static int lock_error(int err, size_t size)
{
	if (err != -EPERM)
		return err;
	mm_warn_once(
		"cannot lock %zu KiB in memory, the limit is %zu KiB in all (reported once). Raise it with ulimit -l or LimitMEMLOCK=",
		(size + 1023) >> 10, os_limit(OS_LOCKED_MEMORY) >> 10);
	return -ENOMEM;
}

__cold static int not_a_block(const char *what, const void *p, size_t len)
{
	mm_warn_once(
		"%s of %zu bytes at %p: not inside one live block of libmm (reported once)",
		what, len, p);
	return -EINVAL;
}

static const char *block_start(const struct block *b, const void *p)
{
	if (b->slab)
		return slab_object(slot_of(b->slab), p);
	if (b->vma)
		return (const char *)b->vma->mapping.start;
	return pfn_to_addr(run_head(b->window, p));
}

/* Whether a small object is free is not known, but there must be one. */
static bool is_carved(const struct slab *s, const char *p)
{
	size_t end = READ_ONCE(s->carved) * (size_t)class_bytes[s->class];

	return p >= s->base && p < s->base + end;
}

bool block_holds(struct heap *h, const char *p, size_t len, struct block *b)
{
	size_t bytes, before;

	if (!len || !find_block(h, p, b))
		return false;
	if (b->slab && !is_carved(b->slab, p))
		return false;
	bytes = block_bytes(b, p);
	before = bytes ? (size_t)(p - block_start(b, p)) : 0;
	return before < bytes && len <= bytes - before;
}

static int change_pins(const struct block *b, char *p, size_t len, bool pin)
{
	pfn_t first, head;
	size_t nr;

	if (b->vma)
		return pin ? vma_pin(b->vma, p, len) : vma_unpin(b->vma);
	first = addr_to_pfn(b->window, p);
	nr = addr_to_pfn(b->window, p + len - 1) - first + 1;
	if (!b->slab) {
		head = run_head(b->window, p);
		return pin ? run_pin(head, first, nr)
			   : run_unpin(head, first, nr);
	}
	if (!pin)
		return unpin_pages(first, nr);
	WRITE_ONCE(b->slab->pinned, true);
	return pin_pages(first, nr);
}

static int pin_or_unpin(char *p, size_t len, bool pin)
{
	struct heap *h = door_enter();
	struct block b;
	int err;

	if (!h)
		return -EAGAIN;
	err = block_holds(h, p, len, &b)
		      ? change_pins(&b, p, len, pin)
		      : not_a_block(pin ? "mm_pin" : "mm_unpin", p, len);
	door_leave(h);
	return lock_error(err, len);
}

__public int mm_pin(void *ptr, size_t len)
{
	return pin_or_unpin(ptr, len, true);
}

__public int mm_unpin(void *ptr, size_t len)
{
	return pin_or_unpin(ptr, len, false);
}

/* ---- zones ---- */

void *zone_block(size_t size, enum mm_zone_type zone, unsigned flags)
{
	int err = tcache.busy ? -EAGAIN : -ENOMEM;
	struct heap *h = door_enter();
	unsigned tries = 0;
	void *p;

	if (!h)
		return failed(err);
	do {
		lock_acquire(&h->lock);
		p = zoned_alloc(h, zone, size, flags, &err);
		lock_release(&h->lock);
	} while (!p && err == -ENOMEM && door_again(h, size, tries++));
	if (p)
		valgrind_block(p, size, false);
	door_leave(h);
	return p ? p : failed(lock_error(err, size));
}

__public void *mm_alloc_zone(size_t size, enum mm_zone_type zone,
			     unsigned flags)
{
	if ((unsigned)zone >= MM_NR_ZONES || flags & ~FLAGS_ALL) {
		mm_warn_once(
			"mm_alloc_zone: zone %u or flags 0x%x are unknown (reported once). See enum mm_zone_type and MM_* in mm/mm.h",
			(unsigned)zone, flags);
		return failed(-EINVAL);
	}
	if (size > PTRDIFF_MAX)
		return failed(-ENOMEM);
	return zone_block(size + !size, zone, flags);
}

/* ---- address space ---- */

void api_limit_space(size_t limit)
{
	struct heap *h;
	size_t reserved;

	/* a child by vfork() may cut its parent's: that only costs time */
	if (limit == SIZE_MAX)
		return;
	h = door_enter();
	if (!h)
		return;
	reserved = zone_cut(limit);
	door_leave(h);
	/* what was used of the windows stays */
	if (reserved > limit)
		mm_warn_once(
			"the program limits its address space to %zu MiB, and its heap has %zu MiB reserved: it can map nothing and start no thread (reported once). Let it raise the limit",
			limit >> 20, reserved >> 20);
}
