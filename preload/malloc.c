// SPDX-License-Identifier: MIT
/*
 * preload/malloc.c - the malloc family by the names that libc gives it
 *
 * Every block a program gets from libc's own entry points comes from here, so
 * that none is ever freed by an allocator that did not make it. The corners
 * are glibc's: alignments are rounded up to a power of two where it does so.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include "api/api.h"
#include "os/os.h"
#include "alias.h"

__public __hot void *malloc(size_t n)
{
	return api_malloc(n);
}

__public __hot void free(void *p)
{
	api_free(p);
}

__public __hot void *calloc(size_t n, size_t size)
{
	return api_calloc(n, size);
}

__public void *realloc(void *p, size_t n)
{
	return api_realloc(p, n);
}

__public __hot size_t malloc_usable_size(void *p)
{
	return api_usable_size(p);
}

__public void *memalign(size_t align, size_t n)
{
	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	return api_memalign((size_t)1 << order_up(align), n);
}

/* The answer is the return value; errno is not part of it. */
__public int posix_memalign(void **out, size_t align, size_t n)
{
	int saved = errno;
	void *p;

	if (!is_power_of_2(align) || align % sizeof(void *))
		return EINVAL;
	p = api_memalign(align, n);
	if (!p) {
		errno = saved;
		return ENOMEM;
	}
	*out = p;
	return 0;
}

__public void *valloc(size_t n)
{
	return api_memalign(os_page_size(), n);
}

__public void *pvalloc(size_t n)
{
	size_t page = os_page_size(), whole = align_up(n, page);

	if (whole < n) {
		errno = ENOMEM;
		return NULL;
	}
	return api_memalign(page, whole);
}

/*
 * The same functions by further names. Before 2.38 glibc's aligned_alloc is
 * its memalign, without EINVAL for what is not a power of two.
 */
export_as(aligned_alloc, memalign);
export_as(cfree, free);
export_as(__libc_malloc, malloc);
export_as(__libc_free, free);
export_as(__libc_cfree, free);
export_as(__libc_calloc, calloc);
export_as(__libc_realloc, realloc);
export_as(__libc_memalign, memalign);
export_as(__libc_valloc, valloc);
export_as(__libc_pvalloc, pvalloc);
export_as(__posix_memalign, posix_memalign);
