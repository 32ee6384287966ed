/* SPDX-License-Identifier: MIT */
/*
 * large/large.h - blocks of whole pages
 *
 * run: adjacent pages in a window, from the thread's page lists or a zone.
 * zoned: a run of a zone of choice, with MM_* flags; see zoned.c.
 * vma: a block with a mapping of its own, for sizes where a system call costs
 *      nothing beside touching the memory, and for what no window can hold.
 *
 * Invariants of a vma: held <= size <= reserved, all multiples of VMA_ALIGN, as
 * is its start; the sizes of its pieces add up to size; the rest of the
 * reservation has no access rights.
 *
 * The caller holds the lock of the heap h it passes, so that a snapshot finds
 * every block either here or free.
 *
 * Lock order: vma_lock comes after the heaps' locks, and is held only to link,
 * to count and to pin.
 */
#ifndef MM_LARGE_LARGE_H
#define MM_LARGE_LARGE_H

#include "base/list.h"
#include "slab/slab.h"

#define VMA_MIN	  MIB(32) /* larger blocks get a mapping of their own */
#define VMA_ALIGN MIB(2)  /* whole entries of the page table */
#define MOVE_MIN  MIB(4)  /* larger blocks are moved, not copied */

#define MAX_PIECES 8

/* Part of a block that is one mapping of the kernel. */
struct vma_piece {
	size_t size;
};

struct vma {
	struct mapping mapping; /* start .. start + reserved */
	size_t size, reserved;
	size_t held; /* less than size if it shrank in place */
	unsigned nr_pieces;
	unsigned nr_pins; /* under vma_lock */
	uint8_t nid;	  /* node that it prefers */
	struct vma_piece piece[MAX_PIECES];
	struct list_head list;
};

/**
 * large_alloc - a block of whole pages
 * @size:  bytes, more than 0
 * @align: a power of two
 * @gfp:   GFP_ZERO or GFP_DEFAULT
 *
 * Returns NULL if there is neither a run nor a mapping to be had.
 */
void *large_alloc(struct heap *h, size_t size, size_t align, gfp_t gfp);

/** run_free - free a run of window @w; bug() if @p is not its start */
void run_free(struct heap *h, struct window *w, void *p);

/** run_head - first page of the live run that holds an address, or 0 */
pfn_t run_head(const struct window *w, const void *p);

/**
 * run_resize - make a run longer or shorter where it is
 *
 * Returns false if it cannot be longer.
 */
bool run_resize(struct window *w, void *p, size_t size);

/* In page->flags beside the MM_* flags of mm_alloc_zone(). */
#define RUN_ZONED  0x80U /* given out by zoned_alloc() */
#define RUN_PINNED 0x40U /* has been pinned by mm_pin() */

/** run_flags - of the live run at @p, which is its start; 0: nothing special */
unsigned run_flags(const struct window *w, const void *p);

/**
 * zoned_alloc - a run that is more than memory
 * @type:  zone; what DMA gives is always locked in memory
 * @size:  bytes, more than 0
 * @flags: MM_* flags
 * @err:   receives -errno on failure
 */
void *zoned_alloc(struct heap *h, enum mm_zone_type type, size_t size,
		  unsigned flags, int *err);

/**
 * zoned_release - make a run with flags a plain one, before it is freed
 *
 * Returns false if the kernel would not have it (too many mappings): children
 * would find zeros in it for ever, so it must not be used again.
 */
bool zoned_release(pfn_t pfn, size_t nr);

/** run_pin - lock whole pages of a live run; 0 or -errno */
int run_pin(pfn_t head, pfn_t pfn, size_t nr);

/** run_unpin - undo that; -EINVAL if some page has no pin */
int run_unpin(pfn_t head, pfn_t pfn, size_t nr);

/** run_move - move a run's pages into a larger mapping of their own, or NULL */
void *run_move(struct heap *h, struct window *w, void *p, size_t size);

void *vma_alloc(const struct heap *h, size_t size, size_t align);
void vma_free(struct heap *h, struct vma *v, void *p);

/** vma_resize - resize a block with its own mapping; moves pages, or NULL */
void *vma_resize(struct heap *h, struct vma *v, void *p, size_t size);

/** vma_pin - lock part of a block in memory until it has no pins; 0 or -errno
 */
int vma_pin(struct vma *v, void *p, size_t size);

/** vma_unpin - undo one pin, wherever it was; -EINVAL if there is none */
int vma_unpin(struct vma *v);

struct vma_totals {
	size_t blocks, bytes, reserved; /* of live blocks */
	size_t peak_blocks, peak_bytes;
};

/**
 * vma_next - the live block with the lowest start at or above an address
 *
 * Only swapd asks, of blocks with page states. Context: takes vma_lock. NULL if
 * there is none; it may be gone when it is looked at: see scan_lock.
 */
struct vma *vma_next(uintptr_t start);

/** vma_totals - what all blocks with own mappings come to */
const struct vma_totals *vma_totals(void);

static inline struct vma *mapping_vma(struct mapping *m)
{
	return container_of(m, struct vma, mapping);
}

/** large_fork - what a step of fork() does to blocks and the lock */
void large_fork(enum fork_step step);

#endif
