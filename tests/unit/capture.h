/* SPDX-License-Identifier: MIT */
/*
 * unit/capture.h - what the code under test says on standard error
 */
#ifndef MM_UNIT_CAPTURE_H
#define MM_UNIT_CAPTURE_H

#include "unit.h"

static char captured[1 << 16];

static int saved_stderr;

static inline void capture_begin(void)
{
	int fd = memfd_create("stderr", 0);

	assert_true(fd >= 0);
	saved_stderr = dup(2);
	dup2(fd, 2);
	close(fd);
}

static inline const char *capture_end(void)
{
	ssize_t n = pread(2, captured, sizeof(captured) - 1, 0);

	dup2(saved_stderr, 2);
	close(saved_stderr);
	assert_true(n >= 0);
	captured[n] = '\0';
	return captured;
}

#endif
