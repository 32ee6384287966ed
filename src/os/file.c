// SPDX-License-Identifier: MIT
/*
 * os/file.c - the few file operations, raw
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "os/os.h"
#include "os/syscall.h"

long os_read_file(const char *path, char *buf, size_t len)
{
	long fd = sys_open(path, O_RDONLY);
	size_t got = 0;
	long r = 0;

	if (fd < 0)
		return fd;
	while (got < len - 1) {
		r = sys3(SYS_read, fd, buf + got, len - 1 - got);
		if (r == -EINTR)
			continue;
		if (r <= 0)
			break;
		got += (size_t)r;
	}
	os_close((int)fd);
	buf[got] = '\0';
	return r < 0 ? r : (long)got;
}

size_t os_number(const char **p)
{
	size_t v = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		v = v * 10 + (size_t)(**p - '0');
	return v;
}

int os_file_trusted(const char *path)
{
	struct stat st;
	long err = sys4(SYS_newfstatat, AT_FDCWD, path, &st, 0);

	if (err)
		return (int)err;
	return S_ISREG(st.st_mode) && st.st_uid == 0 && !(st.st_mode & S_IWOTH);
}

int os_file_id(int fd, struct os_file_id *id)
{
	struct stat st;
	long err = sys2(SYS_fstat, fd, &st);

	if (!err)
		*id = (struct os_file_id){ st.st_dev, st.st_ino };
	return (int)err;
}

int os_open_write(const char *path)
{
	return (int)sys_open(path, O_WRONLY | O_CREAT | O_TRUNC);
}

int os_dup(int fd, int least)
{
	return (int)sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, least);
}

void os_close(int fd)
{
	sys1(SYS_close, fd);
}

int os_write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		long r = sys3(SYS_write, fd, buf, len);

		if (r == -EINTR)
			continue;
		if (r <= 0)
			return r ? (int)r : -EIO;
		buf += r;
		len -= (size_t)r;
	}
	return 0;
}
