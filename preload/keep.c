// SPDX-License-Identifier: MIT
/*
 * preload/keep.c - what the kernel touches where nobody can bring it
 *
 * When a thread ends, the kernel clears a word for who joins it and marks its
 * robust mutexes, and it looks at mutexes with priority inheritance in a way
 * that cannot wait for userfaultfd: it gives up, and others would wait for
 * ever. So where these lie in the heap, their pages stay in memory.
 */
#include <pthread.h>
#include "api/api.h"
#include "map/swapmap.h"
#include "mm/mm.h"
#include "next.h"

/* A thread's block lies at the top of its stack, and libc's data about it. */
#define THREAD_BYTES KIB(32)

static bool is_special(const pthread_mutexattr_t *attr)
{
	int robust, protocol;

	return (!pthread_mutexattr_getrobust(attr, &robust) &&
		robust == PTHREAD_MUTEX_ROBUST) ||
	       (!pthread_mutexattr_getprotocol(attr, &protocol) &&
		protocol == PTHREAD_PRIO_INHERIT);
}

__public int pthread_mutex_init(pthread_mutex_t *m,
				const pthread_mutexattr_t *attr)
{
	if (unlikely(swap_on) && attr && is_special(attr))
		api_keep(m, sizeof(*m));
	return NEXT(pthread_mutex_init)(m, attr);
}

__public int pthread_attr_setstack(pthread_attr_t *attr, void *stack,
				   size_t size)
{
	size_t top = min_size(size, THREAD_BYTES);

	if (unlikely(swap_on) && stack)
		api_keep((char *)stack + size - top, top);
	return NEXT(pthread_attr_setstack)(attr, stack, size);
}
