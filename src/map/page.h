/* SPDX-License-Identifier: MIT */
/*
 * map/page.h - page descriptors, owner words, page states
 *
 * page:  one descriptor per page of a window (struct page), as in vmemmap. Only
 *        the first page of a block is written; the descriptors of the others
 *        are PAGE_TAIL (zero), so free memory costs no descriptor memory.
 * slot:  one owner word per SLAB_SIZE. owner == OWNER_NONE unless the slot is a
 *        slab. It has an array of its own: threads that free each other's
 *        objects read it without taking the owner's slab line away.
 * pte:   state of one page; the page table's last level, laid flat.
 */
#ifndef MM_MAP_PAGE_H
#define MM_MAP_PAGE_H

#include "arena/arena.h"
#include "mm/mm.h"

/** enum page_type - what a page is, and who writes its descriptor */
enum page_type {
	PAGE_TAIL,     /* not the first page of anything: nobody */
	PAGE_BUDDY,    /* head of a free block of 2^order pages: zone, locked */
	PAGE_PCP,      /* head of a free run of nr pages: owning thread */
	PAGE_LARGE,    /* head of a live block of nr pages, none of which is
			  UNTOUCHED: owner of the block */
	PAGE_SLAB,     /* head of a slab: its heap */
	PAGE_ISOLATED, /* head of a free run that is being purged: who does */
};

typedef uint32_t pfn_t;

struct page {
	pfn_t next, prev; /* list of the room that owns the page */
	uint32_t nr;	  /* pages of the block; BUDDY: dirty ones among them */
	uint8_t type;
	uint8_t order; /* BUDDY */
	uint8_t whole; /* PCP: no page is UNTOUCHED for sure */
	uint8_t flags; /* LARGE: RUN_* and MM_* flags, 0 for what malloc gave */
};
static_assert(sizeof(struct page) == PAGE_BYTES, "tables are sized for it");

/* The type is read by neighbours while its owner writes it; either will do. */
static inline enum page_type page_type(const struct page *page)
{
	return (enum page_type)READ_ONCE(page->type);
}

static inline void page_set_type(struct page *page, enum page_type type)
{
	WRITE_ONCE(page->type, (uint8_t)type);
}

/* Back to PAGE_TAIL; the caller holds the zone's lock. */
static inline void page_clear(struct page *page)
{
	page->next = page->prev = page->nr = 0;
	page->order = page->whole = page->flags = 0;
	page_set_type(page, PAGE_TAIL);
}

enum {
	OWNER_NONE = 0,	  /* not a slab */
	OWNER_NOBODY = 1, /* what a thread without a heap compares with */
	OWNER_ORPHAN = 2, /* a slab on a node's partial list */
	OWNER_FIRST = 3,  /* the first heap */
};

/* Pages of the slab may be out: who frees into it shall look; slab/note.c. */
#define OWNER_OUT (1U << 31)

#define COLOUR_STEP 64 /* a cache line */

struct slot {
	uint32_t owner; /* OWNER_*, or a heap's id; perhaps | OWNER_OUT */
	uint8_t class;
	uint8_t colour; /* place of the first object, in COLOUR_STEPs */
	uint8_t spare[2];
};
static_assert(sizeof(struct slot) == SLOT_BYTES, "tables are sized for it");

/** slot_owner - whose slab it is */
static inline uint32_t slot_owner(const struct slot *slot)
{
	/* pairs with the releases where a slab is made or changes hands */
	return smp_load_acquire(&slot->owner) & ~OWNER_OUT;
}

/*
 * A page table entry: state in the low bits; see map/swapmap.h for the rest.
 * The last five states are met only while swap works. Only swapd begins MOVING
 * and PACKING, only the fault service FILLING.
 */
typedef uint64_t pte_t;
#define PTE_STATE_MASK 7UL
#define PTE_UNTOUCHED  0UL	  /* no memory behind it: zeros */
#define PTE_PRESENT    1UL	  /* perhaps memory behind it */
#define PTE_PINNED     2UL	  /* memory, locked; the rest is how often */
#define PTE_STAGED     3UL	  /* in the staging; value: where there */
#define PTE_SWAPPED    4UL	  /* in the store; value: its name there */
#define PTE_MOVING     5UL	  /* on its way to the staging, perhaps there */
#define PTE_PACKING    6UL	  /* in the staging, being stored */
#define PTE_FILLING    7UL	  /* being brought back, perhaps there */
#define PTE_NOSWAP     (1UL << 6) /* of a page that is PRESENT or PINNED */
#define PTE_PIN	       (1UL << 7) /* one pin of a page that is PINNED */

static inline unsigned pte_state(pte_t v)
{
	return v & PTE_STATE_MASK;
}

static inline size_t ptes_touched(const pte_t *pte, size_t nr)
{
	size_t n = 0;

#pragma GCC unroll 4
	for (size_t i = 0; i < nr; i++)
		n += pte_state(pte[i]) != PTE_UNTOUCHED;
	return n;
}

static inline pfn_t page_to_pfn(const struct window *w, const struct page *page)
{
	return (pfn_t)((w->id + 1) << PFN_SHIFT) | (pfn_t)(page - w->pages);
}

static inline struct window *pfn_window(pfn_t pfn)
{
	return &windows[(pfn >> PFN_SHIFT) - 1];
}

static inline size_t pfn_index(pfn_t pfn)
{
	return pfn & ((1U << PFN_SHIFT) - 1);
}

static inline struct page *pfn_to_page(pfn_t pfn)
{
	return &pfn_window(pfn)->pages[pfn_index(pfn)];
}

static inline pte_t *pfn_to_pte(pfn_t pfn)
{
	return &pfn_window(pfn)->ptes[pfn_index(pfn)];
}

static inline char *pfn_to_addr(pfn_t pfn)
{
	return (char *)pfn_window(pfn)->base + (pfn_index(pfn) << PAGE_SHIFT);
}

/** addr_to_pfn - page number of an address inside window @w */
static inline pfn_t addr_to_pfn(const struct window *w, const void *p)
{
	return (pfn_t)((w->id + 1) << PFN_SHIFT) |
	       (pfn_t)(((uintptr_t)p - w->base) >> PAGE_SHIFT);
}

#endif
