/* SPDX-License-Identifier: MIT */
/*
 * zone/zone.h - nodes, zones and their pages
 *
 * node:      a NUMA node, real or fake, known here by a dense number (nid).
 * zone:      the pages of one node with one purpose (DMA, NORMAL, HIGHMEM).
 * span:      the part of a window that belongs to a zone. Pages below grown are
 *            managed by the buddy system, the rest is untouched reserve.
 * free_area: the free blocks of one order, on two lists: blocks that hold dirty
 *            pages (not PTE_UNTOUCHED) and blocks that hold none.
 * fallback:  the order in which an allocation for a node looks at all nodes.
 * run:       adjacent pages of any number, head page first; what users get.
 *
 * Invariants of a zone, under its lock:
 *   nr_free == sum over orders of 2^order * blocks on both lists
 *   nr_dirty == free pages that are not UNTOUCHED <= nr_free <= nr_managed
 *   nr_present == pages of the zone that are not UNTOUCHED, those out as well
 * Blocks are aligned to their size, and two free buddies never lie apart.
 *
 * Lock order: window_lock, then zone locks by (nid, type), then pin_lock, then
 * the arena's.
 */
#ifndef MM_ZONE_ZONE_H
#define MM_ZONE_ZONE_H

#include "map/page.h"
#include "map/swapmap.h"
#include "os/os.h"
#include "side/stat.h"

#define NR_ORDERS	(MAX_PAGE_ORDER + 1)
#define MAX_ORDER_PAGES (1U << MAX_PAGE_ORDER)

typedef uint32_t gfp_t;
#define GFP_DEFAULT 0U
#define GFP_ZERO    1U /* contents are zero */
#define GFP_TOUCH   2U /* mark the pages present: the user will write them */

enum wmark { WMARK_MIN, WMARK_LOW, WMARK_HIGH, NR_WMARKS };
enum { FREE_CLEAN, FREE_DIRTY, NR_FREE_LISTS };

struct free_area {
	pfn_t head[NR_FREE_LISTS];
	uint32_t nr[NR_FREE_LISTS];
};

struct span {
	pfn_t start, end; /* end is exclusive */
	pfn_t grown;	  /* start..grown is managed */
	pfn_t tables;	  /* start..tables has committed descriptors */
};

struct zone {
	struct mm_lock lock;
	uint8_t nid, type;
	unsigned nr_spans;
	size_t nr_free, nr_dirty, nr_managed, nr_spanned;
	size_t nr_present;   /* atomic: slabs add to it without the lock */
	size_t peak_present; /* about the most there were */
	size_t peak_live;    /* the most pages that users ever held */
	/* hints, written without the lock: */
	size_t nr_purged;    /* purged and not wanted again yet */
	size_t nr_refault;   /* purged and wanted again since the last purge */
	uint64_t refault_ms; /* when there were some; under purge_lock */
	size_t keep;	     /* dirty pages to keep because of that */
	size_t wmark[NR_WMARKS];
	struct free_area area[NR_ORDERS];
	struct span span[MAX_WINDOWS];
	struct mm_counters stats;
};

struct node {
	unsigned phys;		     /* the kernel's number, which users see */
	uint8_t fallback[MAX_NODES]; /* all nids, nearest first */
	/* hints, see node_has_room(): */
	size_t room;	  /* pages that may be taken before the next look */
	uint64_t room_ms; /* when the last one was */
	bool full;	  /* it found too little */
	pfn_t taken;	  /* the last run that was taken since */
	size_t nr_taken;
	size_t stop; /* bytes left when the kernel went elsewhere */
	uint64_t stop_ms;
	struct zone zone[MM_NR_ZONES];
};

extern struct node *nodes __hidden;
extern unsigned nr_nodes __hidden;
extern bool numa_is_fake __hidden;

/**
 * reclaim_wanted - some zone holds more dirty pages than it may keep
 *
 * Set by free_run() and alloc_run(); whoever sees it at the door calls
 * reclaim_balance().
 */
extern bool reclaim_wanted __hidden;

/**
 * dirty_bound - free pages with memory behind them that a zone may keep
 *
 * Context: caller holds zone->lock.
 */
size_t dirty_bound(const struct zone *z);

/**
 * zone_over_bound - does a zone hold more dirty free pages than it may keep
 * @bound: receives how many it may
 */
bool zone_over_bound(struct zone *z, size_t *bound);

/** zone_init - find the nodes, reserve the first window; 0 or -ENOMEM */
int zone_init(void);

/**
 * zone_cut - give back the end of the first window
 * @limit: bytes that RLIMIT_AS will be
 *
 * As much stays as the window would have had with this limit, or as was used.
 * Returns bytes that all windows have reserved then.
 * Context: takes window_lock, then every zone lock.
 */
size_t zone_cut(size_t limit);

/** node_current - the node that runs the caller, or the nearest that is ours */
unsigned node_current(void);

/** node_by_phys - the node with the kernel's number @phys, or -1 */
int node_by_phys(unsigned phys);

/** node_place - memory of a range shall come from a node, once it is touched */
void node_place(unsigned nid, void *p, size_t size);

/**
 * alloc_run - take adjacent pages
 * @nid:   preferred node, 0..nr_nodes-1
 * @type:  zone; HIGHMEM may fall back to NORMAL, and all to other nodes
 * @nr:    pages, at least 1
 * @align: pages, a power of two up to MAX_ORDER_PAGES; the run starts at a
 *         multiple of it, counted in its window
 * @gfp:   GFP_* flags
 *
 * Returns the head page's number, or 0 if every zone in the list is exhausted.
 * The caller sets the head's type.
 * Context: takes zone locks; adds a window when all are full; never reclaims.
 */
pfn_t alloc_run(unsigned nid, enum mm_zone_type type, size_t nr, size_t align,
		gfp_t gfp);

/** free_run - give pages back to their zone; merges, never writes to them */
void free_run(pfn_t pfn, size_t nr);

/** free_run_dirty - the same if it is known how many of the pages are dirty */
void free_run_dirty(pfn_t pfn, size_t nr, size_t dirty);

/** putback_run - the same for what isolate_dirty() took: nobody has had it */
void putback_run(pfn_t pfn, size_t nr);

/**
 * expand_run - take the @more free pages that follow a run of @nr pages
 *
 * Returns false if they are not all free; then nothing changed.
 */
bool expand_run(pfn_t pfn, size_t nr, size_t more);

/** touch_pages - mark pages present, clear the dirty ones if GFP_ZERO */
void touch_pages(pfn_t pfn, size_t nr, gfp_t gfp);

/** forget_pages - mark pages of a live run untouched: they were moved away */
void forget_pages(pfn_t pfn, size_t nr);

/**
 * pin_pages - lock pages of a live block in memory; pins of a page add up
 *
 * Returns 0, -EPERM if the kernel refuses (RLIMIT_MEMLOCK), or -ENOTSUP if its
 * pages are larger than ours: then nothing is pinned.
 * Context: takes pin_lock, under which nothing else is taken.
 */
int pin_pages(pfn_t pfn, size_t nr);

/** unpin_pages - undo one pin of each page; -EINVAL if one has none */
int unpin_pages(pfn_t pfn, size_t nr);

/** has_pins - is any of the pages pinned */
bool has_pins(pfn_t pfn, size_t nr);

/** drop_pins - undo all pins there may be, as the block goes */
void drop_pins(pfn_t pfn, size_t nr);

void pin_fork(enum fork_step step);

/** page_zone - the zone of a page that is below some span's grown */
struct zone *page_zone(pfn_t pfn);

/**
 * page_span - the span that manages a page of a window
 *
 * Returns NULL for pages that no zone has grown to, or that no node owns: they
 * have no descriptor. Any thread, no lock.
 */
const struct span *page_span(pfn_t pfn);

/** page_limit - pages that the heap may hold, SIZE_MAX for any number */
extern size_t page_limit __hidden;

/** page_mark - pages from where on swapd is woken */
extern size_t page_mark __hidden;

/** pages_resident - pages that the heap holds, those of the store included */
size_t pages_resident(void);

/** limit_raise - the heap may hold @nr more pages, until swapd looks again */
void limit_raise(size_t nr);

bool __within_limit(size_t nr);

/** within_limit - may the heap hold @nr more pages */
static inline bool within_limit(size_t nr)
{
	return likely(READ_ONCE(page_limit) == SIZE_MAX) || __within_limit(nr);
}

/**
 * release_out - drop what is swapped out of a run that is being freed
 *
 * Returns whether some of its pages were: they are UNTOUCHED now.
 */
bool release_out(pfn_t pfn, size_t nr);

/** zone_wants_huge - is it large enough for huge pages, as the option says */
bool zone_wants_huge(const struct zone *z);

/** age_keep - keep less if nothing that was purged has been wanted for long */
void age_keep(struct zone *z);

/**
 * isolate_dirty - take one dirty block out of the buddy system, to purge it
 * @min_order: smaller blocks stay
 * @keep:      so many dirty pages may stay
 * @nr:        receives its pages
 *
 * Returns 0 if there is none. It goes back by putback_run().
 */
pfn_t isolate_dirty(struct zone *z, unsigned min_order, size_t keep,
		    size_t *nr);

/** purge_run - drop the memory of an isolated run; pages purged */
size_t purge_run(pfn_t pfn, size_t nr);

/** page_dirty - pages of a run that have memory behind them */
size_t page_dirty(pfn_t pfn, size_t nr);

/**
 * validate_free - walk all free blocks, abort if an invariant is broken
 *
 * Returns pages of the zone that are not UNTOUCHED. Context: takes zone->lock.
 */
size_t validate_free(struct zone *z);

/** validate_zone - the same; nobody else touches pages of the zone meanwhile */
void validate_zone(struct zone *z);

/** zone_fork - what a step of fork() does to the locks of this room */
void zone_fork(enum fork_step step);

/* ---- node.c, for page_alloc.c ---- */

/**
 * node_add_window - give every zone another span
 * @type: of the zone that is full
 * @nr:   pages that its span should have at least
 * @seen: number of windows that the caller found full
 *
 * Returns false if no window can be had. If another thread has added one since
 * @seen was read, returns true at once.
 * Context: takes window_lock, then every zone lock in turn.
 */
bool node_add_window(enum mm_zone_type type, size_t nr, unsigned seen);

/**
 * node_has_room - may @nr more pages come out of a node's memory
 *
 * The kernel is asked now and then (at each tick of the coarse clock once it
 * was nothing) how much is left, of which a little is kept: else it would take
 * the pages elsewhere, and nobody here would know. When there is not much more
 * than that, pages are taken in portions, with a look where they went. Always
 * true if there is one node, or if the kernel does not tell.
 */
bool node_has_room(struct node *n, size_t nr);

/** node_took - these pages came out of a node that had room for them */
void node_took(struct node *n, pfn_t pfn, size_t nr);

/* ---- buddy.c, for this room only; the caller holds zone->lock ---- */

void __buddy_free(struct zone *z, const struct span *s, pfn_t pfn, size_t nr,
		  size_t dirty);
pfn_t __buddy_take(struct zone *z, unsigned order, size_t *dirty);

/**
 * __buddy_take_run - take adjacent blocks of any order
 * @nr:  pages, more than half a block of the largest order
 * @got: receives the pages of the blocks, @nr or more
 *
 * Looks only at holes that reach a border of the largest blocks: all that are
 * larger than one do, and of the smaller ones most.
 */
pfn_t __buddy_take_run(struct zone *z, size_t nr, size_t align, size_t *got,
		       size_t *dirty);

/** __buddy_remove - take a block off its list; how much of it is dirty */
size_t __buddy_remove(struct zone *z, pfn_t pfn);

/** part_dirty - dirty pages of a part of a run that has @dirty of @nr */
size_t part_dirty(pfn_t part, size_t part_nr, size_t nr, size_t dirty);

/* The list of a block with so many dirty pages. */
static inline unsigned buddy_list(size_t dirty)
{
	return dirty ? FREE_DIRTY : FREE_CLEAN;
}

const struct span *zone_span(const struct zone *z, pfn_t pfn);

#define for_each_zone(z)                                                       \
	for (struct zone *z = &nodes[0].zone[0];                               \
	     z != &nodes[nr_nodes].zone[0]; z = zone_next(z))

static inline struct zone *zone_next(struct zone *z)
{
	if (z->type + 1 < MM_NR_ZONES)
		return z + 1;
	return &nodes[z->nid + 1].zone[0];
}

#endif
