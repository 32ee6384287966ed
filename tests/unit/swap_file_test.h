/* SPDX-License-Identifier: MIT */
/*
 * unit/swap_file_test.h - a store with a file, and many pages in it
 */
#ifndef MM_UNIT_SWAP_FILE_TEST_H
#define MM_UNIT_SWAP_FILE_TEST_H

#include <fcntl.h>
#include <sys/stat.h>
#include "swap_test.h"

#define NR    8000
#define FILES 512 /* descriptors looked at */

static swp_t swp[NR];
static uint64_t salt;

static struct swap_config config = {
	.pool_max = MIB(2),
	.file_max = MIB(256),
	.crypt = true,
};

/* Where unnamed files can be made; the tests' directory may be in memory. */
static inline void start(void)
{
	salt = rnd() >> 16;
	config.dir = config.dir ? config.dir : "/var/tmp";
	start_store(&config);
	swap_service_start(-1);
}

static inline enum kind kind_of(size_t i)
{
	return i % 8 == 0 ? RANDOM : i % 2 ? TEXT : HEAP;
}

static inline void store_all(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		swp[i] = store_page(kind_of(i), salt + i);
}

static inline void check_all(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (swp[i])
			check_page(swp[i], kind_of(i), salt + i);
}

static inline void free_all(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (swp[i])
			swap_free(swp[i]);
	memset(swp + from, 0, (to - from) * sizeof(*swp));
	balance();
}

/* The one unnamed file that this process has open for reading and writing. */
static inline int file_of(void)
{
	for (int fd = 3; fd < FILES; fd++) {
		struct stat st;

		if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_nlink &&
		    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR &&
		    st.st_size > 0)
			return fd;
	}
	return -1;
}

static inline size_t file_blocks(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (size_t)st.st_blocks * 512;
}

#endif
