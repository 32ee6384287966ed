// SPDX-License-Identifier: MIT
/*
 * preload/forward.c - names that libc or BSD build upon realloc and free
 *
 * They call those by name and never the allocator itself: a program that
 * brings its own realloc and free, but not these, gets blocks of its own. A
 * file of its own keeps the compiler from seeing through the call.
 *
 * malloc_size, reallocarr and reallocf take a block, and are here because the
 * other allocators that have them would meet our blocks.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include "alias.h"

void *reallocf(void *p, size_t n);
int reallocarr(void *ptr, size_t n, size_t size);
size_t malloc_size(const void *p);
void free_sized(void *p, size_t n);
void free_aligned_sized(void *p, size_t align, size_t n);

__public void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

export_as(__libc_reallocarray, reallocarray);

/* BSD: a block that cannot be resized is freed. */
__public void *reallocf(void *p, size_t n)
{
	void *q = realloc(p, n);

	if (!q && n) /* with n == 0 it is freed already */
		free(p);
	return q;
}

/* NetBSD: @ptr points at a pointer of any type; errno is untouched. */
__public int reallocarr(void *ptr, size_t n, size_t size)
{
	int saved = errno;
	size_t bytes;
	void *p, *q;

	if (__builtin_mul_overflow(n, size, &bytes))
		return EOVERFLOW;
	memcpy(&p, ptr, sizeof(p));
	if (bytes) {
		q = realloc(p, bytes);
		if (!q) {
			errno = saved;
			return ENOMEM;
		}
	} else {
		free(p);
		q = NULL;
	}
	memcpy(ptr, &q, sizeof(q));
	return 0;
}

__public size_t malloc_size(const void *p)
{
	return malloc_usable_size((void *)(uintptr_t)p);
}

/* C23 forms: what the caller says is not needed to find the block. */
__public void free_sized(void *p, size_t n)
{
	(void)n;
	free(p);
}

__public void free_aligned_sized(void *p, size_t align, size_t n)
{
	(void)align;
	(void)n;
	free(p);
}
