/* SPDX-License-Identifier: MIT */
/*
 * mm/mm.h - the public interface of libmm beside malloc and free
 *
 * An unchanged program needs none of this: malloc, free and the rest of the
 * libc surface are what libmm serves. These calls show what the memory manager
 * knows. All of them may be called from any thread at any time; none of them
 * allocates, and none of them touches the memory it reports on.
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

/**
 * struct mm_stats - one consistent snapshot, in bytes unless said otherwise
 *
 * requested <= used <= committed <= reserved holds in every snapshot, and the
 * committed bytes of all zones and own mappings add up to committed.
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
 * @view: "buddyinfo", "slabinfo", "zoneinfo", "vmstat", "meminfo", "options",
 *        or "json" for their figures in one object
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

/** mm_version - "0.1.0" */
const char *mm_version(void);

#ifdef __cplusplus
}
#endif
#endif
