// SPDX-License-Identifier: MIT
/*
 * os/mem.c - address space and the memory behind it
 *
 * Never assumes that an optional call works: madvise, mremap and getrlimit may
 * be answered EPERM or ENOSYS by a filter, and then the range stays as it was.
 */
#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "os/os.h"
#include "os/syscall.h"

#define PARTS 8 /* of what is free, of which we take one */

static bool is_error(long r)
{
	return (unsigned long)r >= (unsigned long)-4095;
}

static void *map(size_t size, int prot, int shared)
{
	long r = sys6(SYS_mmap, NULL, size, prot,
		      shared | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return is_error(r) ? NULL : (void *)r;
}

size_t os_page_size(void)
{
	static size_t once;
	size_t size = READ_ONCE(once);

	if (unlikely(!size)) {
		size = max_size(getauxval(AT_PAGESZ), PAGE_SIZE);
		WRITE_ONCE(once, size);
	}
	return size;
}

/* The kernel writes no such pages to a core dump, but gdb's gcore does. */
void *os_reserve(size_t size)
{
	void *p = map(size, PROT_NONE, MAP_PRIVATE);

	if (p) {
		os_advise(p, size, OS_NOHUGEPAGE);
		os_advise(p, size, OS_DONTDUMP);
	}
	return p;
}

void *os_reserve_part(size_t *size, size_t least, size_t step)
{
	size_t n = *size;
	char *p;

	while (!(p = os_reserve(n * PARTS))) {
		n = align_up(n / 2, step);
		if (n < least || n <= step)
			return NULL;
	}
	os_unmap(p + n, n * (PARTS - 1));
	*size = n;
	return p;
}

int os_commit(void *p, size_t size)
{
	long err = sys3(SYS_mprotect, p, size, PROT_READ | PROT_WRITE);

	if (!err)
		os_advise(p, size, OS_DODUMP);
	return (int)err;
}

void os_read_only(void *p, size_t size)
{
	sys3(SYS_mprotect, p, size, PROT_READ);
}

void *os_map(size_t size)
{
	return map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

void *os_map_shared(size_t size)
{
	return map(size, PROT_READ | PROT_WRITE, MAP_SHARED);
}

int os_unmap(void *p, size_t size)
{
	return (int)sys2(SYS_munmap, p, size);
}

int os_purge(void *p, size_t size)
{
	return os_advise(p, size, OS_DROP);
}

int os_advise(void *p, size_t size, int advice)
{
	return (int)sys3(SYS_madvise, p, size, advice);
}

int os_lock(void *p, size_t size)
{
	return (int)sys2(SYS_mlock, p, size);
}

void os_unlock(void *p, size_t size)
{
	sys2(SYS_munlock, p, size);
}

int os_move(void *from, void *to, size_t size)
{
	long r = sys5(SYS_mremap, from, size, size,
		      MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);

	return is_error(r) ? (int)r : 0;
}

size_t os_resident(const void *p, size_t size)
{
	unsigned char vec[512];
	size_t page = os_page_size(), pages = 0;

	for (size_t off = 0; off < size; off += page * sizeof(vec)) {
		size_t len = min_size(size - off, page * sizeof(vec));

		if (sys3(SYS_mincore, (const char *)p + off, len, vec))
			continue;
		for (size_t i = 0; i < (len + page - 1) / page; i++)
			pages += vec[i] & 1;
	}
	return pages * page;
}

size_t os_limit(enum os_resource what)
{
	struct rlimit rl;

	static_assert((int)OS_OPEN_FILES == RLIMIT_NOFILE &&
			      (int)OS_LOCKED_MEMORY == RLIMIT_MEMLOCK &&
			      (int)OS_ADDRESS_SPACE == RLIMIT_AS,
		      "they are the kernel's");
	if (sys4(SYS_prlimit64, 0, what, NULL, &rl) ||
	    rl.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	return rl.rlim_cur;
}
