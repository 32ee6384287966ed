/* SPDX-License-Identifier: MIT */
/*
 * check.h - what the black-box tests share: CHECK, patterns, memory figures
 *
 * These programs know the libc's malloc surface and nothing else; what libmm
 * offers beside it they look up by name, so each of them runs under plain
 * glibc too. Nothing here allocates.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KIB	 ((size_t)1 << 10)
#define MIB	 ((size_t)1 << 20)
#define GIB	 ((size_t)1 << 30)
#define SKIP	 77 /* exit code of a test that cannot run here */
#define MAX_FAIL 20

static int check_failures;

static inline void check_report(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
	if (__atomic_add_fetch(&check_failures, 1, __ATOMIC_RELAXED) >=
	    MAX_FAIL)
		_exit(1);
}

/* Report and go on: one run shows every broken promise. */
#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond))                                                   \
			check_report(__FILE__, __LINE__, #cond);               \
	} while (0)

static inline int check_result(void)
{
	return check_failures ? 1 : 0;
}

static inline int under_libmm(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "libmm");
}

/* A function of libmm by name; its absence is a failure only under libmm. */
static inline void *mm_symbol(const char *name)
{
	void *sym = dlsym(RTLD_DEFAULT, name);

	if (!sym && under_libmm())
		check_report(name, 0, "exported by libmm");
	return sym;
}

/* Does the library that serves the heap also export this name? */
static inline int served_by_libmm(void *sym)
{
	Dl_info info;

	return dladdr(sym, &info) && strstr(info.dli_fname, "libmm");
}

static inline uint64_t pattern_word(uint64_t seed, size_t index)
{
	return (seed ^ index) * 0x9e3779b97f4a7c15u + index;
}

static inline void pattern_fill(void *p, size_t n, uint64_t seed)
{
	size_t nr_words = n / sizeof(uint64_t), i;
	uint64_t word;

	for (i = 0; i < nr_words; i++) {
		word = pattern_word(seed, i);
		memcpy((char *)p + i * sizeof(word), &word, sizeof(word));
	}
	word = pattern_word(seed, nr_words);
	memcpy((char *)p + nr_words * sizeof(word), &word, n % sizeof(word));
}

static inline int pattern_intact(const void *p, size_t n, uint64_t seed)
{
	size_t nr_words = n / sizeof(uint64_t), i;
	uint64_t word, found;

	for (i = 0; i < nr_words; i++) {
		memcpy(&found, (const char *)p + i * sizeof(found),
		       sizeof(found));
		if (found != pattern_word(seed, i))
			return 0;
	}
	word = pattern_word(seed, nr_words);
	return !memcmp((const char *)p + nr_words * sizeof(word), &word,
		       n % sizeof(word));
}

static inline int all_zero(const void *p, size_t n)
{
	const char *c = (const char *)p;

	return !n || (!c[0] && !memcmp(c, c + 1, n - 1));
}

static inline int aligned_to(const void *p, size_t align)
{
	return ((uintptr_t)p & (align - 1)) == 0;
}

static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1du;
}

/* Memory for a test's own books, so that they never mix with the heap. */
static inline void *own_memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		_exit(1);
	}
	return p;
}

/* The number behind "key:" in a file of /proc/self, 0 if there is none. */
static inline size_t proc_number(const char *path, const char *key)
{
	char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *hit;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	hit = strstr(text, key);
	return hit ? strtoul(hit + strlen(key) + 1, NULL, 10) : 0;
}

/* Exact, unlike statm's: the kernel walks the page tables for it. */
static inline size_t rss_bytes(void)
{
	return proc_number("/proc/self/smaps_rollup", "\nRss") * KIB;
}

#endif
