// SPDX-License-Identifier: MIT
/*
 * os/libc.c - memory that libc touches in a forked child before our handlers
 *
 * glibc resets the lock of every open stream there. Streams lie on the heap,
 * and a page that is swapped out is not there before our handler has run. So
 * the forking thread brings them in before, and its own thread block, should
 * that lie on the heap. The names are glibc's, exported since 2.2.5.
 */
#include <stdio.h>
#include "os/os.h"

struct stream_iter;
void _IO_list_lock(void) __attribute__((weak));
void _IO_list_unlock(void) __attribute__((weak));
void _IO_list_resetlock(void) __attribute__((weak));
struct stream_iter *_IO_iter_begin(void) __attribute__((weak));
struct stream_iter *_IO_iter_end(void) __attribute__((weak));
struct stream_iter *_IO_iter_next(struct stream_iter *it) __attribute__((weak));
FILE *_IO_iter_file(struct stream_iter *it) __attribute__((weak));

void os_streams_hold(void)
{
	if (_IO_list_lock)
		_IO_list_lock();
}

void os_streams_release(void)
{
	if (_IO_list_unlock)
		_IO_list_unlock();
}

void os_streams_reset(void)
{
	if (_IO_list_resetlock)
		_IO_list_resetlock();
}

static void touch(const void *p)
{
	(void)READ_ONCE(*(const char *)p);
}

__attribute__((no_sanitize("address", "thread"))) void os_touch_forking(void)
{
	if (_IO_iter_begin && _IO_iter_end && _IO_iter_next && _IO_iter_file)
		for (struct stream_iter *it = _IO_iter_begin();
		     it != _IO_iter_end(); it = _IO_iter_next(it)) {
			const FILE *f = _IO_iter_file(it);

			touch(f);
			touch(f + 1);
#ifdef __GLIBC__
			if (f->_lock)
				touch(f->_lock);
#endif
		}
	touch(__builtin_thread_pointer());
}
