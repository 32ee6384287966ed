// SPDX-License-Identifier: MIT
/*
 * arena/window.c - reserving windows
 *
 * A window is reserved without access rights and committed from the bottom of
 * each zone upwards. So it counts against no commit limit before it is used, a
 * core dump skips the unused part, and a zone is one mapping for its life.
 *
 * Nothing here is locked: only the zones add windows, under their own lock. To
 * commit what is committed does no harm.
 */
#include <errno.h>
#include "arena/arena.h"
#include "os/os.h"

#define WINDOW_MAX  GIB(1024)
#define WINDOW_MIN  MIB(1)
#define BLOCK_BYTES (PAGE_SIZE << MAX_PAGE_ORDER)

struct window windows[MAX_WINDOWS];
unsigned nr_windows;

/* A table starts on a machine page, even if that is 64 KiB. */
static size_t table_bytes(size_t entries, size_t entry_bytes)
{
	return align_up(entries * entry_bytes, KIB(64));
}

static bool reserve(struct window *w, size_t data)
{
	size_t nr_slots = data >> SLAB_SHIFT, nr_pages = data >> PAGE_SHIFT;
	size_t slots = table_bytes(nr_slots, SLOT_BYTES);
	size_t slabs = table_bytes(nr_slots, SLAB_BYTES);
	size_t pages = table_bytes(nr_pages, PAGE_BYTES);
	size_t ptes = table_bytes(nr_pages, PTE_BYTES);
	size_t tables = slots + slabs + pages + ptes;
	size_t align = min_size(BLOCK_BYTES, data);
	char *p = os_reserve(tables + data + align), *start;

	if (!p)
		return false;
	w->base = align_up((uintptr_t)p + tables, align);
	/* what the alignment did not need goes back */
	start = (char *)w->base - tables;
	if (start > p)
		os_unmap(p, (size_t)(start - p));
	if (start < p + align)
		os_unmap(start + tables + data, (size_t)(p + align - start));
	p = start;
	w->slots = (struct slot *)p;
	w->slabs = (struct slab *)(p + slots);
	w->pages = (struct page *)(p + slots + slabs);
	w->ptes = (uint64_t *)(p + slots + slabs + pages);
	w->nr_pages = nr_pages;
	w->reserved = tables + data;
	return true;
}

/* Leave most of a limited address space to the program. */
static size_t first_try(void)
{
	size_t limit = os_limit(OS_ADDRESS_SPACE);

	if (limit / 4 >= WINDOW_MAX)
		return WINDOW_MAX;
	return 1UL << ilog2(max_size(limit / 4, WINDOW_MIN));
}

struct window *arena_add_window(size_t min_size, unsigned nr_slices)
{
	struct window *w = &windows[nr_windows];
	size_t size = max_size(first_try(), 1UL << order_up(min_size));

	if (nr_windows == MAX_WINDOWS || min_size > WINDOW_MAX)
		return NULL;
	while (!reserve(w, size)) {
		size /= 2;
		if (size < max_size(WINDOW_MIN, min_size))
			return NULL;
	}
	w->id = nr_windows;
	w->slice_shift = ilog2(w->nr_pages / nr_slices);
	return w;
}

void arena_publish(struct window *w)
{
	/* a pointer into the window can exist only after this */
	smp_store_release(&w->size, w->nr_pages << PAGE_SHIFT);
	smp_store_release(&nr_windows, w->id + 1);
}

/*
 * For a moment that takes one mapping more: what is committed is for core
 * dumps, what is reserved is not. If there may be no more, all of it is.
 */
int arena_commit(struct window *w, void *p, size_t size)
{
	int err = os_commit(p, size);

	if (err && !os_advise(w->slots, w->reserved, OS_DODUMP))
		err = os_commit(p, size);
	return err;
}

static int commit_range(struct window *w, void *table, size_t from, size_t to)
{
	uintptr_t start = align_down((uintptr_t)table + from, os_page_size());
	uintptr_t end = align_up((uintptr_t)table + to, os_page_size());

	return arena_commit(w, (void *)start, end - start);
}

int arena_commit_tables(struct window *w, size_t first, size_t nr)
{
	const unsigned shift = SLAB_SHIFT - PAGE_SHIFT;
	size_t end = first + nr;
	size_t slot = first >> shift;
	size_t slot_end = (end + (1UL << shift) - 1) >> shift;

	if (commit_range(w, w->slots, slot * SLOT_BYTES,
			 slot_end * SLOT_BYTES) ||
	    commit_range(w, w->slabs, slot * SLAB_BYTES,
			 slot_end * SLAB_BYTES) ||
	    commit_range(w, w->pages, first * PAGE_BYTES, end * PAGE_BYTES) ||
	    commit_range(w, w->ptes, first * PTE_BYTES, end * PTE_BYTES))
		return -ENOMEM;
	return 0;
}
