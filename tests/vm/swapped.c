/* SPDX-License-Identifier: MIT */
/*
 * swapped.c - does cold memory leave, and come back whole for whoever asks?
 *
 * usage: swapped kernel|program|nothing
 *
 * "kernel": what is swapped out can be read by the program, by the kernel
 * (write, read) and by a forked child. "program": by the first only, the
 * kernel's reads end in EFAULT. "nothing": nothing may be swapped out at all.
 */
#include <sys/wait.h>

#include "../api/check.h"
#include "mm/mm.h"

#define BLOCKS 64
#define BYTES  MIB
#define WORDS  (BYTES / sizeof(uint64_t))

static uint64_t *block[BLOCKS];

static uint64_t word(size_t i, size_t k)
{
	return k % 4 ? i : i * WORDS + k;
}

static void fill(void)
{
	for (size_t i = 0; i < BLOCKS; i++) {
		block[i] = malloc(BYTES);
		for (size_t k = 0; k < WORDS; k++)
			block[i][k] = word(i, k);
	}
}

static int is_whole(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		for (size_t k = 0; k < WORDS; k++)
			if (block[i][k] != word(i, k))
				return 0;
	return 1;
}

/* Swap everything out; how many pages of 100 are. */
static size_t swap_out(void)
{
	__typeof__(mm_advise) *advise = mm_symbol("mm_advise");
	__typeof__(mm_page_query) *query = mm_symbol("mm_page_query");
	size_t out = 0;

	for (size_t i = 0; i < BLOCKS; i++) {
		struct mm_page_info info;

		CHECK(advise(block[i], BYTES, MM_COLD) == 0);
		for (size_t at = 0; at < BYTES; at += 4096) {
			query((char *)block[i] + at, &info);
			out += info.state == MM_PAGE_SWAPPED;
		}
	}
	return out * 100 / (BLOCKS * BYTES / 4096);
}

/* Through a pipe, so that the kernel reads the blocks. */
static int kernel_reads(void)
{
	uint64_t back[512];
	int fd[2];

	if (pipe(fd))
		return 0;
	for (size_t i = 0; i < BLOCKS; i++) {
		if (write(fd[1], block[i], sizeof(back)) != sizeof(back))
			return 0;
		CHECK(read(fd[0], back, sizeof(back)) == sizeof(back));
		for (size_t k = 0; k < 512; k++)
			CHECK(back[k] == word(i, k));
	}
	return 1;
}

static void fork_reads(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(!is_whole());
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv)
{
	const char *how = argc == 2 ? argv[1] : "";
	int nothing = !strcmp(how, "nothing"), kernel = !strcmp(how, "kernel");

	if (!nothing && !kernel && strcmp(how, "program")) {
		fprintf(stderr, "usage: swapped kernel|program|nothing\n");
		return 2;
	}
	fill();
	CHECK((swap_out() >= 90) == !nothing);
	CHECK(kernel_reads() == (kernel || nothing));
	if (!nothing)
		CHECK(swap_out() >= 90);
	fork_reads();
	CHECK(is_whole());
	return check_result();
}
