/* SPDX-License-Identifier: MIT */
/*
 * mm/mm.h - the public interface of libmm beside malloc and free
 *
 * An unchanged program needs none of this: malloc, free and the rest of the
 * libc surface are what libmm serves. These calls show what the memory manager
 * knows, and give out memory of choice. All of them may be called from any
 * thread at any time; those that show allocate nothing, and do not touch the
 * memory they report on.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MM_VERSION_MAJOR 0
#define MM_VERSION_MINOR 1
#define MM_VERSION_PATCH 0

/** State of one page, as the page table has it. */
enum mm_page_state {
	MM_PAGE_NONE,	   /**< not a page of libmm */
	MM_PAGE_UNTOUCHED, /**< ours, reads as zeros, no memory behind it */
	MM_PAGE_PRESENT,   /**< ours, memory behind it */
	MM_PAGE_STAGED,	   /**< about to be swapped out, still in memory */
	MM_PAGE_SWAPPED,   /**< in the swap store */
	MM_PAGE_PINNED,	   /**< present and never moved, purged or swapped */
};

/** Linux's zones. MM_ZONE_HIGHMEM is what malloc uses. */
enum mm_zone_type {
	MM_ZONE_DMA,	 /**< locked in memory for device I/O */
	MM_ZONE_NORMAL,	 /**< never swapped */
	MM_ZONE_HIGHMEM, /**< may be purged, moved, swapped */
	MM_NR_ZONES,
};

/** What a page is used for. */
enum mm_page_kind {
	MM_KIND_NONE,  /**< not a page of libmm */
	MM_KIND_FREE,  /**< free, in the buddy system */
	MM_KIND_PCP,   /**< free, in a thread's page lists */
	MM_KIND_SLAB,  /**< holds small objects of one size */
	MM_KIND_LARGE, /**< part of a block of whole pages */
	MM_KIND_VMA,   /**< part of a block with a mapping of its own */
};

/** The answer of mm_page_query(). */
struct mm_page_info {
	enum mm_page_state state;
	enum mm_page_kind kind;
	enum mm_zone_type zone; /**< valid unless kind is NONE */
	int node;		/**< NUMA node, 0..; -1 if kind is NONE */
	int order;	   /**< of a free block in the buddy system, else -1 */
	uint32_t owner;	   /**< heap that owns a slab, 0 if none */
	void *block;	   /**< start of the object or block, NULL if free */
	size_t block_size; /**< usable bytes of that object or block */
	uint64_t slot;	   /**< its name in the swap store if SWAPPED, else 0 */
};

/**
 * mm_page_query - what is known about the page that holds an address
 * @ptr:  any address whatever: ours or not, mapped or not, NULL
 * @info: receives the answer; all of it is written
 *
 * Never reads or writes the page itself, so it never faults one in.
 *
 * Returns 0, or -EINVAL if @info is NULL.
 */
int mm_page_query(const void *ptr, struct mm_page_info *info);

#define MM_MAX_NODES 16

/** Figures of one NUMA node; the counts are pages, as numastat(8) has them. */
struct mm_node_stats {
	int node;	    /**< the kernel's number */
	size_t committed;   /**< bytes of its zones with memory behind them */
	size_t free;	    /**< those of them that are free */
	uint64_t numa_hit;  /**< taken here, as was preferred */
	uint64_t numa_miss; /**< taken here, as the preferred node was full */
	uint64_t numa_foreign;	 /**< preferred here, taken elsewhere */
	uint64_t interleave_hit; /**< taken to be spread over nodes */
	uint64_t local_node;	 /**< taken by a thread that ran here */
	uint64_t other_node;	 /**< taken by a thread that ran elsewhere */
};

/**
 * struct mm_stats - one consistent snapshot, in bytes unless said otherwise
 *
 * requested <= used <= committed <= reserved holds in every snapshot, and the
 * committed bytes of all zones and own mappings add up to committed, as do
 * those of all nodes and own mappings.
 */
struct mm_stats {
	size_t requested; /**< live blocks, as malloc_usable_size counts them */
	size_t used;	  /**< pages that hold them */
	size_t committed; /**< pages with memory behind them, free ones too */
	size_t reserved;  /**< address space */
	size_t metadata;  /**< taken for heaps and page table nodes */
	size_t small_bytes, small_objects; /**< live in slabs */
	size_t large_bytes, large_blocks;  /**< live blocks of whole pages */
	size_t vma_bytes, vma_blocks;	   /**< live blocks with own mapping */
	size_t zone_committed[MM_NR_ZONES];
	size_t vma_committed;
	size_t free_blocks; /**< free blocks in the buddy system, a count */
	size_t peak_committed, peak_vma_bytes, peak_vma_blocks; /**< maxima */
	unsigned nr_nodes, nr_windows, nr_heaps;
	struct mm_node_stats node[MM_MAX_NODES]; /**< nr_nodes of them */
};

/**
 * mm_stats - take a snapshot
 * @st: receives it
 *
 * Briefly stops every slow path of the allocator. Objects that other threads
 * allocate or free meanwhile may be counted either way.
 */
void mm_stats(struct mm_stats *st);

/**
 * mm_show - write one of the views that /proc has
 * @view: "buddyinfo", "slabinfo", "zoneinfo", "numastat", "vmstat", "meminfo",
 *        "swaps", "swapinfo", "pressure", "options", or "json" for the figures
 *        of those before "swaps", and of "swapinfo", in one object
 * @fd:   an open file descriptor
 *
 * The text has the field layout of the /proc file of that name.
 *
 * Returns 0, -EINVAL for an unknown view, -EAGAIN in a signal handler that
 * interrupted libmm, -ENOMEM, or -errno of write(2).
 */
int mm_show(const char *view, int fd);

/**
 * mm_trim - give free memory back to the system
 * @keep: bytes of free memory that may stay, 0 for none
 *
 * Returns the number of bytes given back.
 */
size_t mm_trim(size_t keep);

/* ---- memory of choice; all of it works with free() and realloc() ---- */

/**
 * mm_alloc_node - malloc() on a NUMA node
 * @size: bytes, as for malloc()
 * @node: the kernel's number, as numactl(8) shows it
 *
 * The node is preferred: if its memory is used up, the nearest that has some
 * serves. Objects freed go back to that node. Where the process was given a
 * memory policy (numactl, the options numa=off, interleave, prefer) the policy
 * decides, as it does for malloc(). realloc() may move the block to the node of
 * the caller.
 *
 * Returns NULL and sets errno: EINVAL if the process may have no memory of that
 * node, ENOMEM if there is none anywhere.
 */
void *mm_alloc_node(size_t size, int node);

/**
 * mm_node_of - the node that a page's memory is on
 * @ptr: any address
 *
 * The kernel is asked. If there is no memory behind the page yet, it is the
 * node that is preferred for it.
 *
 * Returns a node, or -EINVAL if @ptr is in no page of libmm.
 */
int mm_node_of(const void *ptr);

#define MM_LOCK	    1U /**< locked in memory; always so in MM_ZONE_DMA */
#define MM_WIPE	    2U /**< zeroed when it is freed; not in core dumps */
#define MM_DONTFORK 4U /**< a forked child finds zeros instead of a copy */
#define MM_HUGE	    8U /**< multiple of 2 MiB, huge pages if there are any */

/**
 * mm_alloc_zone - whole pages from a zone of choice
 * @size:  bytes; rounded up to pages
 * @zone:  MM_ZONE_DMA for device I/O: locked in memory, never purged or moved;
 *         MM_ZONE_NORMAL: never swapped out by libmm; MM_ZONE_HIGHMEM
 * @flags: MM_LOCK, MM_WIPE, MM_DONTFORK, MM_HUGE, or 0
 *
 * The block starts at a page. realloc() gives a block of the same zone and
 * flags. After a fork the child's copy is not locked, as with mlock(2), and
 * with MM_DONTFORK no page of the parent's is ever copied because the child may
 * see it, which is what would take a page away from a device. The kernel itself
 * may still move a locked page to make room for huge ones (see
 * vm.compact_unevictable_allowed); drivers pin what they are given.
 *
 * Returns NULL and sets errno: EINVAL for an unknown zone or flag; ENOMEM if
 * the zone is used up or RLIMIT_MEMLOCK is exceeded, and then nothing is
 * locked; ENOTSUP if it is to be locked and the kernel's pages are not 4 KiB;
 * EAGAIN in a signal handler that interrupted libmm.
 */
void *mm_alloc_zone(size_t size, enum mm_zone_type zone, unsigned flags);

/**
 * mm_reclaim - make the heap hold less memory: free, then cold, then any
 * @bytes: by how much
 *
 * With the option "swap" what is in use is swapped out, the coldest first.
 * Returns the bytes that the heap is smaller by.
 */
size_t mm_reclaim(size_t bytes);

/** What to do with memory that may be swapped out. */
enum mm_advice {
	MM_COLD,   /* swap it out now */
	MM_HOT,	   /* bring it in, and let it alone for long */
	MM_NOSWAP, /* bring it in, and never swap it out until it is freed */
};

/**
 * mm_advise - how a part of a block is used
 * @ptr: in a live block
 * @len: bytes, more than 0, not beyond the end of the block
 *
 * Works on whole pages, which small objects share. Without swap it does
 * nothing. Returns 0; -EINVAL if the range is not inside one live block, or if
 * that came from mm_alloc_zone(); -EAGAIN in a signal handler that interrupted
 * libmm.
 */
int mm_advise(void *ptr, size_t len, enum mm_advice advice);

/**
 * mm_pin - lock part of a block that exists already in memory
 * @ptr: in a live block, whoever allocated it
 * @len: bytes, more than 0, not beyond the end of the block
 *
 * Whole pages are locked, and pins of a page add up: it stays until each has
 * been undone. free() and a realloc() that moves a block undo all pins of its
 * pages; a small object shares its page, so unpin it before. A forked child has
 * no pins.
 *
 * Returns 0; -EINVAL if the range is not inside one live block; -ENOMEM if
 * RLIMIT_MEMLOCK is exceeded, and then nothing is locked; -ENOTSUP if the
 * kernel's pages are not 4 KiB; -EAGAIN in a signal handler that interrupted
 * libmm.
 */
int mm_pin(void *ptr, size_t len);

/**
 * mm_unpin - undo mm_pin() of the same range
 *
 * Of a block above 32 MiB all pages stay until its last pin is undone. What the
 * program has locked by mlock(2) itself is unlocked as well.
 *
 * Returns 0; -EINVAL if some page of the range is not pinned, and then nothing
 * has changed, or as mm_pin().
 */
int mm_unpin(void *ptr, size_t len);

/** mm_version - "0.1.0" */
const char *mm_version(void);

#ifdef __cplusplus
}
#endif
#endif
