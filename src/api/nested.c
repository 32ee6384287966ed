// SPDX-License-Identifier: MIT
/*
 * api/nested.c - malloc and free called by a signal handler inside malloc
 *
 * POSIX lets a handler call neither, but programs do. A block comes from a
 * small static reserve, used as a stack: the block on top is really freed, the
 * others when they get there. A pointer to be freed is put on a lock-free list
 * and freed when somebody leaves the slow path.
 */
#include "api/init.h"

#define RESERVE_BYTES KIB(256)
#define HEADER	      16 /* size of the block, or 1 more if it is free */

static char reserve[RESERVE_BYTES] __attribute__((aligned(16)));
static size_t used;   /* atomic */
static void *pending; /* atomic list, linked through the first word */

void *nested_alloc(size_t n)
{
	size_t need = align_up(n ? n : 1, 16) + HEADER;
	size_t old = READ_ONCE(used);
	char *p;

	do {
		if (n > RESERVE_BYTES || old + need > RESERVE_BYTES)
			return NULL;
	} while (!__atomic_compare_exchange_n(&used, &old, old + need, true,
					      __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	p = reserve + old;
	*(size_t *)p = need - HEADER;
	stat_add_global(STAT_nested_alloc, 1);
	return p + HEADER;
}

bool nested_owns(const void *p)
{
	return (size_t)((const char *)p - reserve) < RESERVE_BYTES;
}

size_t nested_bytes(const void *p)
{
	return *(const size_t *)((const char *)p - HEADER);
}

static void free_reserve(char *p)
{
	size_t start = (size_t)(p - HEADER - reserve);
	size_t end = start + HEADER + nested_bytes(p);

	/* not on top: it stays until the program ends */
	__atomic_compare_exchange_n(&used, &end, start, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_RELAXED);
}

void nested_free(void *p)
{
	void *old;

	if (nested_owns(p)) {
		free_reserve(p);
		return;
	}
	old = READ_ONCE(pending);
	do {
		*(void **)p = old;
		/* pairs with the exchange in nested_take() */
	} while (!__atomic_compare_exchange_n(
		&pending, &old, p, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

bool nested_pending(void)
{
	return unlikely(READ_ONCE(pending) != NULL);
}

void *nested_take(void)
{
	/* pairs with the release in nested_free() */
	void *p = __atomic_exchange_n(&pending, NULL, __ATOMIC_ACQUIRE);
	void *rest = p ? *(void **)p : NULL;

	while (rest) {
		void *next = *(void **)rest;

		nested_free(rest);
		rest = next;
	}
	return p;
}
