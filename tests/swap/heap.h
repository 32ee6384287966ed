/* SPDX-License-Identifier: MIT */
/*
 * heap.h - a heap to be swapped, for the small tests: blocks of one size
 *
 * What is known of it is outside of it. The contents shrink to a quarter or
 * so; every eighth page is zeros, every eighth does not shrink.
 */
#ifndef TESTS_SWAP_HEAP_H
#define TESTS_SWAP_HEAP_H

#include <sys/syscall.h>

#include "check.h"
#include "mm/mm.h"

#define HEAP_PAGE ((size_t)4096)

struct heap {
	char **block;
	unsigned nr, version;
	size_t size;
};

static inline uint64_t heap_word(uint64_t key, size_t i)
{
	switch (key >> 12 & 7) {
	case 0:
		return 0;
	case 1:
		return pattern_word(key, i);
	default:
		return pattern_word(key, i & 127);
	}
}

static inline uint64_t heap_key(const struct heap *h, unsigned block,
				size_t page)
{
	return pattern_word(((uint64_t)h->version << 32) + block, page);
}

static inline void heap_write_block(struct heap *h, unsigned block)
{
	for (size_t p = 0; p < h->size / HEAP_PAGE; p++) {
		uint64_t *to = (uint64_t *)(h->block[block] + p * HEAP_PAGE);

		for (size_t i = 0; i < HEAP_PAGE / 8; i++)
			to[i] = heap_word(heap_key(h, block, p), i);
	}
}

static inline void heap_write(struct heap *h, unsigned version)
{
	h->version = version;
	for (unsigned b = 0; b < h->nr; b++)
		heap_write_block(h, b);
}

/* Pages of a block that are not as they were written. */
static inline int heap_block_wrong(const struct heap *h, unsigned block)
{
	int wrong = 0;

	for (size_t p = 0; p < h->size / HEAP_PAGE; p++) {
		uint64_t *at = (uint64_t *)(h->block[block] + p * HEAP_PAGE);
		size_t i = 0;

		while (i < HEAP_PAGE / 8 &&
		       at[i] == heap_word(heap_key(h, block, p), i))
			i++;
		wrong += i < HEAP_PAGE / 8;
	}
	return wrong;
}

static inline int heap_wrong(const struct heap *h)
{
	int wrong = 0;

	for (unsigned b = 0; b < h->nr; b++)
		wrong += heap_block_wrong(h, b);
	if (wrong)
		dprintf(STDERR_FILENO, "%d pages of version %u are wrong\n",
			wrong, h->version);
	return wrong;
}

static inline void heap_make(struct heap *h, unsigned nr, size_t size)
{
	h->nr = nr;
	h->size = size;
	h->block = own_memory(nr * sizeof(h->block[0]));
	for (unsigned b = 0; b < nr; b++) {
		h->block[b] = aligned_alloc(HEAP_PAGE, size);
		CHECK(h->block[b]);
	}
	heap_write(h, 1);
}

/* mm_advise(), where there is one. */
static inline void heap_advise(void *p, size_t size, enum mm_advice advice)
{
	int (*advise)(void *, size_t, enum mm_advice);

	*(void **)&advise = mm_symbol("mm_advise");
	CHECK(!advise || !advise(p, size, advice));
}

/* As much as may be goes out now. */
static inline void heap_evict(const struct heap *h)
{
	for (unsigned b = 0; b < h->nr; b++)
		heap_advise(h->block[b], h->size, MM_COLD);
}

/* A view of mm_show(), as text. */
static inline void heap_show(const char *view, char *text, size_t size)
{
	int (*show)(const char *, int), fd = memfd_create(view, 0);

	*(void **)&show = mm_symbol("mm_show");
	CHECK(show && !show(view, fd));
	CHECK(pread(fd, text, size - 1, 0) > 0);
	close(fd);
}

/* A counter of the view vmstat; @name ends with a space. */
static inline double heap_count(const char *name)
{
	char text[8192] = "";
	const char *line;

	heap_show("vmstat", text, sizeof(text));
	line = strstr(text, name);
	CHECK(line);
	return line ? atof(line + strlen(name)) : 0;
}

/* Of the process, as long as the thread that opens it lives. */
static inline int heap_open_statm(void)
{
	int fd = open("/proc/thread-self/statm", O_RDONLY);

	CHECK(fd >= 0);
	return fd;
}

/* Resident bytes; no descriptor is needed any more. */
static inline size_t heap_resident(int statm)
{
	char text[128] = "";
	unsigned long all, pages = 0;

	CHECK(pread(statm, text, sizeof(text) - 1, 0) > 0);
	CHECK(sscanf(text, "%lu %lu", &all, &pages) == 2);
	return pages * HEAP_PAGE;
}

/* Is the page out? Without libmm none is. */
static inline int heap_is_out(const void *p)
{
	int (*query)(const void *, struct mm_page_info *);
	struct mm_page_info info;

	*(void **)&query = mm_symbol("mm_page_query");
	return query && !query(p, &info) &&
	       (info.state == MM_PAGE_SWAPPED || info.state == MM_PAGE_STAGED);
}

static inline unsigned heap_percent_out(const struct heap *h)
{
	size_t out = 0, all = 0;

	for (unsigned b = 0; b < h->nr; b++)
		for (size_t p = 0; p < h->size; p += HEAP_PAGE, all++)
			out += (size_t)heap_is_out(h->block[b] + p);
	return all ? (unsigned)(out * 100 / all) : 0;
}

/* A test whose heap never went out would be no test. */
static inline int heap_was_out(const struct heap *h, unsigned percent)
{
	unsigned out = heap_percent_out(h);

	if (!under_libmm() || out >= percent)
		return 1;
	dprintf(STDERR_FILENO, "only %u %% of the heap went out\n", out);
	return 0;
}

static inline int swap_possible(void)
{
	int fd = open("/dev/userfaultfd", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	else
		printf("skipped: no userfaultfd for this user\n");
	return fd >= 0;
}

/* What for: to be told when the test is skipped. */
static inline int swap_possible_for_root(const char *what_for)
{
	if (!swap_possible())
		return 0;
	if (geteuid())
		printf("skipped: needs root, %s\n", what_for);
	return !geteuid();
}

#endif
