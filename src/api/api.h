/* SPDX-License-Identifier: MIT */
/*
 * api/api.h - the door: what preload/ gives the libc names to
 *
 * The inline functions are the whole fast path. Everything else enters the
 * slow path, which marks the thread busy: a signal handler that allocates
 * meanwhile is served from a small reserve, and what it frees waits.
 *
 * errno: set to ENOMEM when a request fails, otherwise untouched.
 */
#ifndef MM_API_API_H
#define MM_API_API_H

#include "slab/slab.h"

void *api_malloc_slow(size_t n);
void api_free_slow(void *p);
void api_free_event(void *p);
size_t api_usable_slow(const void *p);

/** api_malloc - @n bytes, aligned to 16; NULL and ENOMEM if there are none */
static __flatten void *api_malloc(size_t n)
{
	void *p = slab_alloc_fast(n);

	return likely(p != NULL) ? p : api_malloc_slow(n);
}

/** api_free - free a block, NULL allowed; keeps errno */
static __flatten void api_free(void *p)
{
	enum free_result r = slab_free_fast(p);

	if (unlikely(r == FREE_EVENT))
		api_free_event(p);
	else if (unlikely(r == FREE_OTHER))
		api_free_slow(p);
}

/** api_usable_size - bytes that may be used; 0 for NULL and foreign pointers */
static __flatten size_t api_usable_size(const void *p)
{
	size_t bytes = slab_bytes_fast(p);

	return likely(bytes != 0) ? bytes : api_usable_slow(p);
}

/** api_calloc - @n * @size zero bytes; overflow is ENOMEM */
void *api_calloc(size_t n, size_t size);

/** api_realloc - as glibc: realloc(p, 0) frees and returns NULL */
void *api_realloc(void *p, size_t n);

/** api_end_swap - no threads of swap's from now on; a line says so, and why */
void api_end_swap(const char *why);

/** api_keep - these bytes stay in memory, if they are of the heap */
void api_keep(void *p, size_t size);

/**
 * api_map_over - make a system call that maps something over these bytes
 *
 * What it returns. Context: swap_on; they are the heap's.
 */
long api_map_over(void *p, size_t size, long nr, const long a[]);

/** api_mapped - what has just been mapped there stays. Context: as above */
void api_mapped(void *p, size_t size);

/** api_follow_ids - the calling thread is another user or group now */
void api_follow_ids(void);

/** api_limit_files - RLIMIT_NOFILE will be @limit: open what swap needs */
void api_limit_files(size_t limit);

/** api_limit_space - RLIMIT_AS is @limit bytes: reserve no more than fits */
void api_limit_space(size_t limit);

/** api_watch_forks - no fork from now on finds a lock held; may allocate */
void api_watch_forks(void);

/**
 * api_fork_prepare - around a fork that libc's handlers do not see
 *
 * False if there is nothing to be done. Else api_fork_done() follows, in the
 * same thread of both processes.
 */
bool api_fork_prepare(void);

/** api_fork_done - it returned @r: 0 in the child, negative if there is none */
void api_fork_done(long r);
void api_fork_child(void);

/** api_madvise - as madvise(2), but 0 or -errno; knows what is swapped out */
int api_madvise(void *p, size_t size, int advice);

/** api_memalign - @size bytes at a multiple of @align, a power of two */
void *api_memalign(size_t align, size_t size);

#endif
