/* SPDX-License-Identifier: MIT */
/*
 * api/init.h - entering and leaving the slow path; private to api/
 */
#ifndef MM_API_INIT_H
#define MM_API_INIT_H

#include "api/api.h"
#include "reclaim/reclaim.h"

/**
 * door_enter - the thread's heap, ready for the slow path
 *
 * Returns NULL if there is no memory for a heap, or if the thread is inside
 * already and a signal handler called us (then tcache.busy is set before).
 */
struct heap *door_enter(void);

/** door_leave - undo door_enter() that returned a heap; purges if wanted */
void door_leave(struct heap *h);

void api_orphan(void);

/** api_start_swap - if this process may have it. Context: as it starts */
void api_start_swap(void);

/** see_if_orphaned - go on alone if nobody saw this copy of the process made */
static inline void see_if_orphaned(void)
{
	if (swapd_orphaned())
		api_orphan();
}

/* What a pointer turns out to be. */
struct block {
	struct window *window; /* of a slab object or a run */
	struct slab *slab;
	struct vma *vma;
};

/** find_block - false if the address is in no mapping of ours */
bool find_block(struct heap *h, const void *p, struct block *b);

/** block_bytes - usable bytes; 0 if @p lies in no live block of whole pages */
size_t block_bytes(const struct block *b, const void *p);

/** heap_bring - have pages of the heap in memory; false: they are protected */
bool heap_bring(char *p, size_t nr);

/** block_holds - is the range, of 1 byte or more, inside one live block? */
bool block_holds(struct heap *h, const char *p, size_t len, struct block *b);

/** mm_alloc_zone, with checked arguments; NULL and errno */
void *zone_block(size_t size, enum mm_zone_type zone, unsigned flags);

/**
 * door_again - an allocation failed: make room for another try
 * @n:     bytes that were wanted
 * @tries: how often this was asked for it
 *
 * Returns false if there is nothing more to be done; the failure is counted.
 */
bool door_again(struct heap *h, size_t n, unsigned tries);

/**
 * all_locks - hold every lock of libmm, in order, let them go, or reset them
 *
 * For snapshots as well: FORK_PREPARE and FORK_PARENT.
 */
void all_locks(enum fork_step step);

/* nested.c: what a signal handler gets that interrupted the slow path */
void *nested_alloc(size_t n, size_t align);
void nested_free(void *p);
bool nested_owns(const void *p);
size_t nested_bytes(const void *p);
/** nested_take - a block whose free had to wait, or NULL */
void *nested_take(void);
bool nested_pending(void);

/* valgrind.h has the client requests; on only under memcheck */
extern bool on_valgrind __hidden;

#endif
