// SPDX-License-Identifier: MIT
/*
 * arena/window.c - reserving windows
 *
 * A window is reserved without access rights and committed from the bottom of
 * each zone upwards. So it counts against no commit limit before it is used, a
 * core dump skips the unused part, and a zone is one mapping for its life. The
 * end of a window, if nothing there was ever used, can be given back.
 *
 * Nothing here is locked: only the zones add windows, under their own lock. To
 * commit what is committed does no harm.
 */
#include <errno.h>
#include "arena/arena.h"
#include "os/os.h"
#include "side/option.h"

#define WINDOW_MAX  GIB(1024)
#define WINDOW_MIN  MIB(1)
#define LATER_MIN   MIB(64)
#define BLOCK_BYTES (PAGE_SIZE << MAX_PAGE_ORDER)

struct window windows[MAX_WINDOWS];
unsigned nr_windows;

/* As large as the next window may be: each doubles it. 0: not known yet. */
static size_t most;

enum part { SLOTS, SLABS, PAGES, PTES, DATA, NR_PARTS };

/* A table starts on a machine page, even if that is 64 KiB. */
static size_t part_bytes(enum part part, size_t nr_pages)
{
	static const uint16_t entry[NR_PARTS] = {
		SLOT_BYTES, SLAB_BYTES, PAGE_BYTES, PTE_BYTES, PAGE_SIZE,
	};

	if (part <= SLABS)
		nr_pages >>= SLAB_SHIFT - PAGE_SHIFT;
	return align_up(nr_pages * entry[part], KIB(64));
}

static char *part_start(const struct window *w, enum part part)
{
	void *const start[NR_PARTS] = {
		w->slots, w->slabs, w->pages, w->ptes, (void *)w->base,
	};

	return start[part];
}

static bool reserve(struct window *w, size_t data)
{
	size_t nr = data >> PAGE_SHIFT, tables = 0;
	size_t align = min_size(BLOCK_BYTES, data);
	char *p, *start;

	for (enum part part = SLOTS; part < DATA; part++)
		tables += part_bytes(part, nr);
	p = os_reserve(tables + data + align);
	if (!p)
		return false;
	w->base = align_up((uintptr_t)p + tables, align);
	/* what the alignment did not need goes back */
	start = (char *)w->base - tables;
	if (start > p)
		os_unmap(p, (size_t)(start - p));
	if (start < p + align)
		os_unmap(start + tables + data, (size_t)(p + align - start));
	w->slots = (struct slot *)start;
	w->slabs = (struct slab *)(start += part_bytes(SLOTS, nr));
	w->pages = (struct page *)(start += part_bytes(SLABS, nr));
	w->ptes = (uint64_t *)(start + part_bytes(PAGES, nr));
	w->nr_pages = nr;
	w->reserved = tables + data;
	w->readable = false;
	return true;
}

size_t arena_share(size_t limit)
{
	if (limit / 4 >= WINDOW_MAX)
		return WINDOW_MAX;
	return 1UL << ilog2(max_size(limit / 4, WINDOW_MIN));
}

static size_t first_try(void)
{
	if (!most)
		most = mm_options.window ? mm_options.window : WINDOW_MAX;
	return min_size(1UL << ilog2(most),
			arena_share(os_limit(OS_ADDRESS_SPACE)));
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
	most *= 2;
	w->id = nr_windows;
	w->slice_shift = ilog2(w->nr_pages / nr_slices);
	return w;
}

void arena_cut(struct window *w, size_t nr)
{
	size_t old = w->nr_pages;

	w->nr_pages = nr;
	/* wild pointers only: no block is there */
	smp_store_release(&w->size, nr << PAGE_SHIFT);
	for (enum part part = SLOTS; part < NR_PARTS; part++) {
		size_t kept = part_bytes(part, nr);
		size_t rest = part_bytes(part, old) - kept;

		if (rest && !os_unmap(part_start(w, part) + kept, rest))
			w->reserved -= rest;
	}
	most = max_size(nr << PAGE_SHIFT, LATER_MIN);
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
	size_t whole =
		w->base + (w->nr_pages << PAGE_SHIFT) - (uintptr_t)w->slots;
	int err = os_commit(p, size);

	if (!err)
		return 0;
	/* a hole goes from one table into the next: in parts it would be two */
	if (w->reserved == whole)
		os_advise(w->slots, whole, OS_DODUMP);
	else
		for (enum part part = SLOTS; part < NR_PARTS; part++)
			os_advise(part_start(w, part),
				  part_bytes(part, w->nr_pages), OS_DODUMP);
	return os_commit(p, size);
}

static int commit_range(struct window *w, void *table, size_t from, size_t to)
{
	uintptr_t start = align_down((uintptr_t)table + from, os_page_size());
	uintptr_t end = align_up((uintptr_t)table + to, os_page_size());

	return arena_commit(w, (void *)start, end - start);
}

/*
 * From the first block on, so that a wild pointer finds that no slab is there.
 * Not before: ThreadSanitizer ends a program that maps what it does not expect.
 */
static void let_slots_be_read(struct window *w)
{
	lock_acquire(&arena_lock);
	if (!w->readable)
		os_read_only(w->slots, part_bytes(SLOTS, w->nr_pages));
	smp_store_release(&w->readable, true);
	lock_release(&arena_lock);
}

int arena_commit_tables(struct window *w, size_t first, size_t nr)
{
	const unsigned shift = SLAB_SHIFT - PAGE_SHIFT;
	size_t end = first + nr;
	size_t slot = first >> shift;
	size_t slot_end = (end + (1UL << shift) - 1) >> shift;

	if (!smp_load_acquire(&w->readable))
		let_slots_be_read(w);
	if (commit_range(w, w->slots, slot * SLOT_BYTES,
			 slot_end * SLOT_BYTES) ||
	    commit_range(w, w->slabs, slot * SLAB_BYTES,
			 slot_end * SLAB_BYTES) ||
	    commit_range(w, w->pages, first * PAGE_BYTES, end * PAGE_BYTES) ||
	    commit_range(w, w->ptes, first * PTE_BYTES, end * PTE_BYTES))
		return -ENOMEM;
	return 0;
}
