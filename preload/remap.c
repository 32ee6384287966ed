// SPDX-License-Identifier: MIT
/*
 * preload/remap.c - libc's mmap and mremap, on memory of the heap
 *
 * A program may map something else over its own blocks, or move pages of them
 * away. The kernel moves what is there, so that has to be all; and what is
 * mapped anew is not watched over: it would be lost once it left.
 */
#include <errno.h>
#include <linux/mman.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include "alias.h"
#include "api/api.h"
#include "map/swapmap.h"
#include "os/os.h"

/* its header may rename what is defined here */
void *mmap(void *p, size_t size, int prot, int flags, int fd, off_t at);
void *mremap(void *p, size_t size, size_t new_size, int flags, ...);

static bool is_heap(const void *p)
{
	return unlikely(swap_on) && map_find(NULL, (uintptr_t)p);
}

static void *call(long nr, const long a[], void *over, size_t size)
{
	long r = is_heap(over)
			 ? api_map_over(over, size, nr, a)
			 : os_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	if (likely((unsigned long)r < -4095UL))
		return (void *)r;
	errno = (int)-r;
	return (void *)-1;
}

__public void *mmap(void *p, size_t size, int prot, int flags, int fd, off_t at)
{
	const long a[] = { (long)p, (long)size, prot, flags, fd, at };

	return call(SYS_mmap, a, flags & MAP_FIXED ? p : NULL, size);
}

export_as(mmap64, mmap);

__public void *mremap(void *p, size_t size, size_t new_size, int flags, ...)
{
	long a[] = { (long)p, (long)size, (long)new_size, flags, 0, 0 };
	void *to = NULL;
	va_list ap;

	va_start(ap, flags);
	if (flags & MREMAP_FIXED)
		to = va_arg(ap, void *);
	va_end(ap);
	a[4] = (long)to;
	if (is_heap(p))
		api_keep(p, size);
	return call(SYS_mremap, a, to, new_size);
}
