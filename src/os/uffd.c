// SPDX-License-Identifier: MIT
/*
 * os/uffd.c - userfaultfd: pages that are brought when they are touched
 *
 * The numbers of UFFDIO_MOVE are here, as kernel headers before 6.8 have none.
 * A descriptor is used in the table of the threads that serve it only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include "os/os.h"
#include "os/syscall.h"

#ifndef UFFDIO_MOVE
struct uffdio_move {
	__u64 dst, src, len, mode;
	__s64 move;
};
#define UFFDIO_MOVE		  _IOWR(UFFDIO, 0x05, struct uffdio_move)
#define UFFDIO_MOVE_MODE_DONTWAKE ((__u64)1 << 0)
#define UFFD_FEATURE_MOVE	  ((__u64)1 << 16)
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

/* The system call serves who may; else the device, which may have an owner. */
static long open_descriptor(int flags)
{
	long fd = sys1(SYS_userfaultfd, O_CLOEXEC | flags), dev;

	if (fd != -EPERM || flags)
		return fd;
	dev = sys_open("/dev/userfaultfd", O_RDWR);
	if (dev < 0)
		return fd;
	fd = sys3(SYS_ioctl, dev, USERFAULTFD_IOC_NEW, O_CLOEXEC);
	os_close((int)dev);
	return fd;
}

static int open_with(bool user_mode, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	long fd = open_descriptor(user_mode ? UFFD_USER_MODE_ONLY : 0);
	long err;

	if (fd < 0)
		return (int)fd;
	err = sys3(SYS_ioctl, fd, UFFDIO_API, &api);
	if (!err)
		return (int)fd;
	os_close((int)fd);
	/* a feature that the kernel does not have */
	return err == -EINVAL ? -EOPNOTSUPP : (int)err;
}

static bool can_protect; /* not every machine can */

int os_uffd_open(bool user_mode, bool *forks)
{
	const uint64_t wp = UFFD_FEATURE_PAGEFAULT_FLAG_WP;
	uint64_t features = UFFD_FEATURE_MOVE | UFFD_FEATURE_THREAD_ID |
			    UFFD_FEATURE_EXACT_ADDRESS |
			    UFFD_FEATURE_EVENT_FORK;
	int fd = open_with(user_mode, features | wp);

	/* forks are for who may trace others (CAP_SYS_PTRACE) */
	*forks = fd != -EPERM;
	if (!*forks) {
		features &= ~UFFD_FEATURE_EVENT_FORK;
		fd = open_with(user_mode, features | wp);
	}
	can_protect = fd != -EOPNOTSUPP;
	return can_protect ? fd : open_with(user_mode, features);
}

int os_uffd_register(int fd, void *p, size_t size)
{
	struct uffdio_register r = {
		.range = { (uintptr_t)p, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING |
			(can_protect ? UFFDIO_REGISTER_MODE_WP : 0),
	};

	return (int)sys3(SYS_ioctl, fd, UFFDIO_REGISTER, &r);
}

static int protect(int fd, void *p, size_t size, uint64_t mode)
{
	struct uffdio_writeprotect w = { .range = { (uintptr_t)p, size },
					 .mode = mode };

	return (int)sys3(SYS_ioctl, fd, UFFDIO_WRITEPROTECT, &w);
}

int os_uffd_protect(int fd, void *p, size_t size)
{
	return can_protect ? protect(fd, p, size, UFFDIO_WRITEPROTECT_MODE_WP)
			   : -EINVAL;
}

int os_uffd_unprotect(int fd, void *p, size_t size)
{
	return protect(fd, p, size, 0);
}

long os_uffd_move(int fd, void *to, void *from, size_t size, bool wake)
{
	struct uffdio_move m = {
		.dst = (uintptr_t)to,
		.src = (uintptr_t)from,
		.len = size,
		.mode = wake ? 0 : UFFDIO_MOVE_MODE_DONTWAKE,
	};
	long err = sys3(SYS_ioctl, fd, UFFDIO_MOVE, &m);

	if (!err)
		return (long)size;
	return m.move > 0 ? (long)m.move : err;
}

long os_uffd_copy(int fd, void *to, const void *from, size_t size)
{
	struct uffdio_copy c = {
		.dst = (uintptr_t)to,
		.src = (uintptr_t)from,
		.len = size,
	};
	long err = sys3(SYS_ioctl, fd, UFFDIO_COPY, &c);

	if (!err)
		return (long)size;
	return c.copy > 0 ? (long)c.copy : err;
}

bool os_uffd_is_changing(int fd, void *page)
{
	struct uffdio_zeropage z = { .range = { (uintptr_t)page, PAGE_SIZE } };

	return sys3(SYS_ioctl, fd, UFFDIO_ZEROPAGE, &z) == -EAGAIN;
}

void os_uffd_wake(int fd, void *p, size_t size)
{
	struct uffdio_range r = { (uintptr_t)p, size };

	sys3(SYS_ioctl, fd, UFFDIO_WAKE, &r);
}

static int read_touch(int fd, struct os_touch *touch)
{
	struct uffd_msg msg;
	long r;

	do
		r = sys3(SYS_read, fd, &msg, sizeof(msg));
	while (r == -EINTR);
	if (r != sizeof(msg))
		return r < 0 ? (int)r : -EIO;
	*touch = (struct os_touch){ .child = -1 };
	if (msg.event == UFFD_EVENT_FORK) {
		touch->child = (int)msg.arg.fork.ufd;
	} else {
		touch->addr = msg.arg.pagefault.address;
		touch->writes =
			msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP;
		touch->tid = (int)msg.arg.pagefault.feat.ptid;
	}
	return 0;
}

int os_uffd_wait(int fd, struct os_touch *touch)
{
	int err;

	do
		err = read_touch(fd, touch);
	while (err == -EAGAIN);
	return err;
}

int os_uffd_look(int fd, struct os_touch *touch)
{
	int err;

	sys3(SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
	err = read_touch(fd, touch);
	sys3(SYS_fcntl, fd, F_SETFL, 0);
	return err;
}

/* ---- which pages have memory: /proc/self/pagemap ---- */

#define PM_PRESENT (1UL << 63)
#define PM_SWAP	   (1UL << 62) /* in the kernel's swap: it has contents */
#define PM_OWN	   (1UL << 56) /* no other process has it */

int os_pagemap_open(void)
{
	return (int)sys_open("/proc/thread-self/pagemap", O_RDONLY);
}

/* linux/fs.h has it since Linux 6.7. */
struct page_region {
	uint64_t start, end, categories;
};
struct pm_scan_arg {
	uint64_t size, flags, start, end, walk_end;
	uint64_t vec, vec_len, max_pages;
	uint64_t inverted, mask, anyof_mask, return_mask;
};
#define PAGEMAP_SCAN	_IOWR('f', 16, struct pm_scan_arg)
#define PAGE_IS_PRESENT (1UL << 3)
#define PAGE_IS_SWAPPED (1UL << 4)

int os_pagemap_next(int fd, uintptr_t *start, uintptr_t *end, size_t most)
{
	struct page_region found;
	struct pm_scan_arg scan = {
		.size = sizeof(scan),
		.start = *start,
		.end = *end,
		.vec = (uintptr_t)&found,
		.vec_len = 1,
		.max_pages = most,
		.anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_PRESENT,
	};
	long r = sys3(SYS_ioctl, fd, PAGEMAP_SCAN, &scan);

	if (r <= 0)
		return (int)r;
	*start = found.start;
	*end = found.end;
	return 1;
}

static bool has_contents(uint64_t entry)
{
	return entry & (PM_PRESENT | PM_SWAP);
}

static bool is_shared(uint64_t entry)
{
	return (entry & (PM_PRESENT | PM_OWN)) == PM_PRESENT;
}

static int read_pagemap(int fd, const void *p, size_t nr,
			bool (*test)(uint64_t), bool *is)
{
	uint64_t entry[64];

	for (size_t i = 0, n; i < nr; i += n) {
		n = min_size(nr - i, 64);
		if (sys4(SYS_pread64, fd, entry, n * sizeof(entry[0]),
			 (((uintptr_t)p >> PAGE_SHIFT) + i) *
				 sizeof(entry[0])) !=
		    (long)(n * sizeof(entry[0])))
			return -EIO;
		for (size_t k = 0; k < n; k++)
			is[i + k] = test(entry[k]);
	}
	return 0;
}

int os_pagemap_read(int fd, const void *p, size_t nr, bool *has)
{
	return read_pagemap(fd, p, nr, has_contents, has);
}

int os_pagemap_shared(int fd, const void *p, size_t nr, bool *shared)
{
	return read_pagemap(fd, p, nr, is_shared, shared);
}
