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

/* Before each block. */
struct header {
	size_t start; /* of what it takes, in the reserve */
	size_t size;
};

static char reserve[RESERVE_BYTES] __attribute__((aligned(16)));
static size_t used;   /* atomic */
static void *pending; /* atomic list, linked through the first word */

static struct header *header_of(const void *p)
{
	return (struct header *)p - 1;
}

void *nested_alloc(size_t n, size_t align)
{
	size_t old = READ_ONCE(used), end;
	char *p;

	align = max_size(align, sizeof(struct header));
	do {
		p = (char *)align_up((uintptr_t)reserve + old +
					     sizeof(struct header),
				     align);
		end = align_up((size_t)(p - reserve) + n,
			       sizeof(struct header));
		if (n > RESERVE_BYTES || align > RESERVE_BYTES ||
		    end > RESERVE_BYTES)
			return NULL;
	} while (!__atomic_compare_exchange_n(
		&used, &old, end, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	*header_of(p) = (struct header){ old, end - (size_t)(p - reserve) };
	stat_add_global(STAT_nested_alloc, 1);
	return p;
}

bool nested_owns(const void *p)
{
	return (size_t)((const char *)p - reserve) < RESERVE_BYTES;
}

size_t nested_bytes(const void *p)
{
	return header_of(p)->size;
}

static void free_reserve(char *p)
{
	size_t end = (size_t)(p - reserve) + nested_bytes(p);

	/* not on top: it stays until the program ends */
	__atomic_compare_exchange_n(&used, &end, header_of(p)->start, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
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
