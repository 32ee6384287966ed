// SPDX-License-Identifier: MIT
/*
 * preload/madvise.c - libc's madvise, for memory that may be swapped out
 *
 * A program that drops memory of its heap finds zeros there afterwards, also
 * where the kernel had nothing to drop because libmm had it.
 */
#include <errno.h>
#include <sys/mman.h>
#include "api/api.h"

__public int madvise(void *p, size_t size, int advice)
{
	int err = api_madvise(p, size, advice);

	if (!err)
		return 0;
	errno = -err;
	return -1;
}
