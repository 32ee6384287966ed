/* SPDX-License-Identifier: MIT */
/*
 * swap/swap.h - a store for cold pages: bytes in, slot out; knows no pages
 *
 * swp_t:   what a stored page is known by. Either its contents in a nutshell
 *          (a 32-bit pattern that fills it), or the number of a slot.
 * slot:    a word that says in which cluster, where in it, how long and how
 *          coded. Slots move between clusters; their numbers do not change.
 * cluster: CLUSTER_BYTES of entries, one after the other, in the pool (RAM) or
 *          in the swap file, and where entries are lost only as a whole.
 * entry:   a header (slot, length, checksum of the coded bytes) and the bytes.
 * family:  a process and the children it forked; they share the swap file.
 */
#ifndef MM_SWAP_SWAP_H
#define MM_SWAP_SWAP_H

#include "base/bits.h"
#include "os/lock.h"

/* 0 is no page; all others fit in SWP_BITS bits. */
typedef uint64_t swp_t;
#define SWP_BITS 48

struct swap_config {
	size_t pool_max; /* bytes of the pool, in RAM, before it is spilled */
	size_t file_max; /* bytes of the swap file, 0 for none */
	size_t disk_min; /* bytes to leave free on its file system */
	const char *dir; /* where the file goes; NULL, "": $TMPDIR, /var/tmp */
	bool crypt;	 /* encrypt what goes to the file */
};

/**
 * swap_init - set the store up
 *
 * Reserves address space for the tables; the file is made when it is needed.
 * Returns 0 or -ENOMEM.
 */
int swap_init(const struct swap_config *config);

/** swap_core - where mmcore finds the store in a core dump */
struct swap_core {
	const struct table *words, *clusters, *frames;
};
extern const struct swap_core swap_core __hidden;

/** swap_filled - the swp_t of a page that is a 32-bit pattern all over */
swp_t swap_filled(uint32_t pattern);

/**
 * struct swap_coder - one thread's workspace for coding and decoding
 *
 * Nothing is allocated while it works.
 */
struct swap_coder;

/** swap_coder_new - make one that can also encode if @encode; NULL: no memory
 */
struct swap_coder *swap_coder_new(bool encode);

/**
 * enum swap_how - how a page is stored
 * @SWAP_ALWAYS:  also if it does not shrink below 3/4
 * @SWAP_QUICKLY: by LZ4: up to a half larger than by zstd, read twice as fast
 */
enum swap_how { SWAP_ALWAYS = 1, SWAP_QUICKLY = 2 };

/**
 * swap_store - keep a copy of a page
 * @page: PAGE_SIZE bytes that do not change meanwhile
 * @how:  of enum swap_how
 * @swp:  receives its name
 *
 * Returns 0; -E2BIG if it does not shrink; -ENOSPC if the pool and the file
 * are full. Context: one thread of the process, swapd; takes store_lock.
 */
int swap_store(struct swap_coder *c, const void *page, unsigned how,
	       swp_t *swp);

/**
 * swap_load - get the page back; the copy stays
 * @wait: for the disk, if need be; else -EAGAIN
 *
 * Returns 0; -EIO if the file cannot be read; -EBADMSG if the bytes are not
 * those that were stored. Context: a service thread that has a coder, as only
 * their descriptors lead to the file; takes no lock that a thread inside of
 * fork() holds, and is not for such a thread itself.
 */
int swap_load(struct swap_coder *c, swp_t swp, void *page, bool wait);

/** swap_free - drop a page; takes store_lock */
void swap_free(swp_t swp);

/** swap_free_later - the same without any lock; swap_balance() does the rest */
void swap_free_later(swp_t swp);

/**
 * swap_balance - work that can wait
 * @idle: there is time: recode what has been in the pool for long
 *
 * Frees what was left for later, packs clusters while more than a tenth of the
 * pool is dead bytes, spills the oldest clusters to the file while the pool is
 * above its bound, and takes back what is left of clusters of the file when
 * much of that is dead. Returns whether there is more to do.
 * Context: swapd; store_lock is held for a cluster at a time at most.
 */
bool swap_balance(struct swap_coder *c, bool idle);

/**
 * swap_ease - make room in the pool for what is stored next
 *
 * swap_store() does it if need be, but may wait for the disk then, and its
 * caller's locks with it. Context: swapd.
 */
void swap_ease(struct swap_coder *c);

/**
 * swap_spill - the pool's oldest cluster goes to the file; false if it cannot
 *
 * Context: swapd.
 */
bool swap_spill(struct swap_coder *c);

/**
 * swap_bound_pool - from how many bytes on the pool is spilled from now on
 *
 * No more than configured, and no less than a megabyte; as configured while
 * there is no file. Context: swapd.
 */
void swap_bound_pool(size_t bytes);

/** swap_room - may another page be stored at all? a hint */
bool swap_room(void);

/**
 * swap_write_through - what is written goes to the disk at once, from now on
 *
 * The kernel then keeps no more than two clusters that it has not written.
 */
void swap_write_through(void);

/** swap_at_disk - does swapd wait for the disk, and not for long? a hint */
bool swap_at_disk(void);

struct swap_counts {
	size_t pages;	   /* stored in slots; same-filled ones are not */
	size_t pool_pages; /* of these in the pool */
	size_t file_pages; /* of these in the file */
	size_t zstd_pages; /* of these coded by zstd */
	size_t pool_bytes; /* memory that the pool takes, clusters as a whole */
	size_t pool_live;  /* coded bytes of live pages in it, with headers */
	size_t file_bytes; /* of the file in use by this process */
	size_t coded_bytes;	   /* live coded bytes, pool and file */
	size_t spilled;		   /* clusters written to the file so far */
	size_t packed;		   /* entries moved by packing so far */
	size_t errors;		   /* reads and writes that failed so far */
	size_t pool_max, file_max; /* as configured */
};

/** swap_empty - give the memory of the pool back: nothing is stored any more */
void swap_empty(void);

/** swap_counts - how things stand; a hint, takes no lock */
void swap_counts(struct swap_counts *counts);

/**
 * swap_pool_bytes - memory the pool takes; a hint for limits
 */
size_t swap_pool_bytes(void);

/**
 * swap_service_start - called once by the first service thread of a process,
 * in its own table of descriptors
 * @file_fd: in a child what swap_fork_open() gave, in the same or another table
 *           it was copied to; -1: none, or not yet
 *
 * A child must not fork before it has done this.
 */
void swap_service_start(int file_fd);

/** swap_make_file - not only when it is needed. Context: swapd */
void swap_make_file(void);

/**
 * swap_fork_open - the swap file, opened once more in the caller's table of
 * descriptors, for the child; -EBADF if there is none, or another -errno
 * @tid: a service thread, whose table has it
 *
 * Makes the child a member of the family: what is in the file stays until the
 * last copy of this descriptor is closed. So the parent closes it after the
 * fork, also after one that failed, and the child keeps it. Without it the
 * child cannot read what is in the file (-EIO).
 * Context: between swap_fork(FORK_PREPARE) and the fork, in the same thread.
 */
int swap_fork_open(int tid);

/**
 * swap_fork - what a step of fork() does to the store and its lock
 *
 * It is whole in the child, as the fault service, which goes on meanwhile, only
 * reads.
 */
void swap_fork(enum fork_step step);

#endif
