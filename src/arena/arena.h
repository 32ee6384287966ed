/* SPDX-License-Identifier: MIT */
/*
 * arena/arena.h - reserved address space, and memory for our own metadata
 *
 * window:  one reservation of address space. Data pages come last, the tables
 *          that describe them (slots, slabs, pages, ptes) lie before them, out
 *          of reach of a heap overflow. Nothing is readable until committed.
 * slice:   the part of a window that belongs to one node.
 * pfn:     global page number, (window id + 1) << PFN_SHIFT | index in window;
 *          0 is no page.
 *
 * Invariants: windows[0 .. nr_windows-1] never move and never go away, though
 * the end of the first may be cut off; base is aligned to the largest buddy
 * block, or to the size of a window that is smaller; size > 0 iff the window is
 * there. The hot path reads windows[0] only.
 */
#ifndef MM_ARENA_ARENA_H
#define MM_ARENA_ARENA_H

#include "base/bits.h"
#include "os/lock.h"

struct slot;
struct slab;
struct page;

#define MAX_WINDOWS    15
#define PFN_SHIFT      28
#define MAX_PAGE_ORDER 10
#define SLAB_SHIFT     16
#define SLAB_SIZE      (1UL << SLAB_SHIFT)

/* metadata bytes per slab-sized slot and per page */
#define SLOT_BYTES 8
#define SLAB_BYTES 64
#define PAGE_BYTES 16
#define PTE_BYTES  8

struct window {
	uintptr_t base;	      /* first data byte */
	size_t size;	      /* data bytes; 0 until published */
	struct slot *slots;   /* owner words, one per SLAB_SIZE */
	struct slab *slabs;   /* slab descriptors, one per SLAB_SIZE */
	struct page *pages;   /* page descriptors */
	uint64_t *ptes;	      /* page states */
	size_t nr_pages;      /* data pages */
	unsigned slice_shift; /* log2 of the pages in a node slice */
	unsigned id;
	size_t reserved; /* bytes, metadata included */
	bool readable;	 /* slots; the rest is when it is committed */
};

extern struct window windows[MAX_WINDOWS] __hidden;
extern unsigned nr_windows __hidden;

/* guards memblock's memory, and the moment from which a window is readable */
extern struct mm_lock arena_lock __hidden;

/**
 * arena_add_window - reserve another window
 * @min_size:  data bytes it must have at least
 * @nr_slices: node slices, a power of two
 *
 * Takes as much as RLIMIT_AS, overcommit mode and address bits allow, up to
 * the option window, or twice the one before. Returns the window, not yet
 * published, or NULL.
 * Context: caller serialises; see arena_publish().
 */
struct window *arena_add_window(size_t min_size, unsigned nr_slices);

/** arena_share - bytes that a window may have if RLIMIT_AS is @limit */
size_t arena_share(size_t limit);

/**
 * arena_cut - give the end of a window back
 * @nr: data pages that stay, a multiple of MAX_ORDER_PAGES; no zone has grown
 *      beyond them
 *
 * Context: like arena_add_window().
 */
void arena_cut(struct window *w, size_t nr);

/**
 * arena_publish - let everybody see a window whose zones are set up
 *
 * Pairs with the reads of nr_windows: who sees the window sees its zones.
 */
void arena_publish(struct window *w);

/** arena_commit - make some of a window usable; 0 or -errno */
int arena_commit(struct window *w, void *p, size_t size);

/**
 * arena_commit_tables - make the metadata of some pages usable
 * @first: index of the first page in the window
 * @nr:    number of pages
 *
 * Returns 0 or -ENOMEM. Committing twice is harmless.
 */
int arena_commit_tables(struct window *w, size_t first, size_t nr);

/**
 * memblock_alloc - memory for metadata; zeroed, never freed
 * @size:  bytes, at most 64 KiB
 * @align: a power of two, at most 4096
 *
 * Returns NULL when the kernel gives no more. Context: takes arena_lock.
 */
void *memblock_alloc(size_t size, size_t align);

/** memblock_bytes - handed out so far */
size_t memblock_bytes(void);

/** arena_fork - what a step of fork() does to the lock of this room */
void arena_fork(enum fork_step step);

#endif
