// SPDX-License-Identifier: MIT
/*
 * os/swapfile.c - what a file without a name needs, and those who share it
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/uio.h>
#include "os/os.h"
#include "os/syscall.h"

/* Of open file descriptions: fcntl.h has them since Linux 3.15 only. */
#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif

/* With a name of chance, for as long as it takes to remove it. */
static long open_and_unlink(const char *dir)
{
	char path[512];
	uint64_t chance;
	long fd;

	if (os_random(&chance, sizeof(chance)))
		return -EOPNOTSUPP;
	os_format(path, sizeof(path), "%s/.mm-swap-%lx", dir, chance);
	fd = sys_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
	if (fd >= 0)
		sys3(SYS_unlinkat, AT_FDCWD, path, 0);
	return fd;
}

int os_open_unnamed(const char *dir)
{
	long fd = sys_open(dir, O_RDWR | O_TMPFILE | O_EXCL);

	/* kernels that do not know O_TMPFILE see a directory to write to */
	if (fd == -EOPNOTSUPP || fd == -EISDIR)
		fd = open_and_unlink(dir);
	if (fd >= 0)
		sys2(SYS_fchmod, fd, 0666);
	return (int)fd;
}

int os_reopen(int tid, int fd)
{
	char path[64];

	os_format(path, sizeof(path), "/proc/self/task/%d/fd/%d", tid, fd);
	return (int)sys_open(path, O_RDWR);
}

/* pread or pwrite, until there is nothing left */
static int transfer(long nr, int fd, uintptr_t buf, size_t len, uint64_t offset)
{
	while (len) {
		long r = sys4(nr, fd, buf, len, offset);

		if (r == -EINTR)
			continue;
		if (r <= 0)
			return r ? (int)r : -EIO;
		buf += (size_t)r;
		offset += (size_t)r;
		len -= (size_t)r;
	}
	return 0;
}

int os_read_at(int fd, void *buf, size_t len, uint64_t offset)
{
	return transfer(SYS_pread64, fd, (uintptr_t)buf, len, offset);
}

int os_read_cached(int fd, void *buf, size_t len, uint64_t offset)
{
	struct iovec to = { buf, len };
	long r = sys6(SYS_preadv2, fd, &to, 1, offset, 0, RWF_NOWAIT);

	if (r == (long)len)
		return 0;
	/* a part is there, or none, or the file system cannot tell */
	return r >= 0 || r == -EOPNOTSUPP ? -EAGAIN : (int)r;
}

int os_write_at(int fd, const void *buf, size_t len, uint64_t offset)
{
	return transfer(SYS_pwrite64, fd, (uintptr_t)buf, len, offset);
}

void os_write_out(int fd, uint64_t offset, uint64_t len, bool wait)
{
	unsigned how = SYNC_FILE_RANGE_WRITE;

	if (wait)
		how |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
	sys4(SYS_sync_file_range, fd, offset, len, how);
}

int os_punch(int fd, uint64_t offset, uint64_t len)
{
	return (int)sys4(SYS_fallocate, fd,
			 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
			 len);
}

size_t os_disk_free(int fd)
{
	struct statfs fs;

	if (sys2(SYS_fstatfs, fd, &fs))
		return SIZE_MAX;
	return fs.f_bavail * (size_t)fs.f_bsize;
}

int os_in_memory(const char *dir)
{
	struct statfs fs;
	long err = sys2(SYS_statfs, dir, &fs);

	if (err)
		return (int)err;
	return fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
}

int os_lock_byte(int fd, uint64_t byte, bool lock)
{
	struct flock range = {
		.l_type = lock ? F_WRLCK : F_UNLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)byte,
		.l_len = 1,
	};
	long err = sys3(SYS_fcntl, fd, F_OFD_SETLK, &range);

	return err == -EACCES ? -EAGAIN : (int)err;
}

int os_random(void *buf, size_t len)
{
	long r;

	do
		r = sys3(SYS_getrandom, buf, len, 0);
	while (r == -EINTR);
	if (r < 0)
		return (int)r;
	return r == (long)len ? 0 : -EIO;
}
