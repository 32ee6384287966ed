// SPDX-License-Identifier: MIT
/*
 * preload/remap.c - libc's mmap, mremap and shmat, on memory of the heap
 *
 * A program may map something else over its own blocks, or into a hole that it
 * has cut into one, or move pages of them away. The kernel moves what is there,
 * so that has to be all; and what is mapped anew is not watched over: it would
 * be lost once it left.
 */
#include <errno.h>
#include <linux/mman.h>
#include <stdarg.h>
#include <sys/ipc.h>
#include <sys/shm.h>
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
	void *new = call(SYS_mmap, a, flags & MAP_FIXED ? p : NULL, size);

	/* into a hole that there was */
	if (!(flags & MAP_FIXED) && is_heap(new))
		api_mapped(new, size);
	return new;
}

export_as(mmap64, mmap);

static size_t segment_size(int id)
{
	struct shmid_ds ds;

	return os_syscall(SYS_shmctl, id, IPC_STAT, (long)&ds, 0, 0, 0)
		       ? 0
		       : ds.shm_segsz;
}

__public void *shmat(int id, const void *p, int flags)
{
	const long a[6] = { id, (long)p, flags };
	bool over = flags & SHM_REMAP && is_heap(p);

	return call(SYS_shmat, a, over ? (void *)p : NULL,
		    over ? segment_size(id) : 0);
}

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
