/* SPDX-License-Identifier: MIT */
/*
 * mallinfo.c - the libc's introspection answers true numbers
 *
 * A known live set is made, and what each interface says about bytes in use
 * must move by its size, within an eighth (rounding to size classes) and
 * 64 KiB (the interface's own buffers, a page here and there).
 */
#include <malloc.h>
#include <limits.h>
#include <stdint.h>

#include "check.h"

#define SLACK (64 * KIB)

/* glibc keeps blocks with a mapping of their own out of uordblks. */
static size_t mallinfo2_in_use(void)
{
	struct mallinfo2 mi = mallinfo2();

	return mi.uordblks + (under_libmm() ? 0 : mi.hblkhd);
}

static size_t mallinfo_in_use(void)
{
	struct mallinfo mi = mallinfo();

	return (size_t)mi.uordblks + (under_libmm() ? 0 : (size_t)mi.hblkhd);
}

/* The last "in use bytes" that malloc_stats() prints is the total. */
static size_t malloc_stats_in_use(void)
{
	static const char key[] = "in use bytes";
	static char text[64 * KIB];
	int fd[2], err = dup(2);
	const char *at, *last = NULL;
	ssize_t n;

	if (pipe(fd) < 0 || dup2(fd[1], 2) < 0)
		_exit(1);
	malloc_stats();
	fflush(stderr);
	dup2(err, 2);
	close(err);
	close(fd[1]);
	n = read(fd[0], text, sizeof(text) - 1);
	close(fd[0]);
	text[n > 0 ? n : 0] = 0;
	for (at = text; (at = strstr(at, key)); at++)
		last = at;
	if (!last) {
		check_report("malloc_stats", 0, "prints \"in use bytes\"");
		return 0;
	}
	return strtoul(last + strcspn(last, "0123456789"), NULL, 10);
}

/* glibc's headers cost a quarter of 64 bytes, and its caches count as used. */
static int close_to(size_t found, size_t expected)
{
	size_t off = found > expected ? found - expected : expected - found;

	if (!under_libmm())
		return off <= expected / 3 + 4 * SLACK;
	return off <= expected / 8 + SLACK;
}

typedef size_t in_use_fn(void);

static in_use_fn *const interfaces[] = { mallinfo2_in_use, mallinfo_in_use,
					 malloc_stats_in_use };
static const char *const interface_names[] = { "mallinfo2", "mallinfo",
					       "malloc_stats" };
enum { NR_INTERFACES = 3 };

static void expect_moved(const size_t *base, size_t live, const char *what)
{
	size_t now, i;

	for (i = 0; i < NR_INTERFACES; i++) {
		now = interfaces[i]();
		/* The int-sized one may not hold it. */
		if (i && base[i] + live > INT_MAX)
			continue;
		if (close_to(now - base[i], live))
			continue;
		fprintf(stderr, "%s: %zu -> %zu, live set %zu\n",
			interface_names[i], base[i], now, live);
		check_report(what, 0, "in use moves by the live set");
	}
}

/* @count blocks of @low..@high bytes, then half of them, then none. */
static void live_set(size_t low, size_t high, size_t count, const char *what)
{
	void **p = own_memory(count * sizeof(*p));
	size_t *size = own_memory(count * sizeof(*size));
	size_t base[NR_INTERFACES], live = 0, i;
	uint64_t rnd = 521288629;

	for (i = 0; i < NR_INTERFACES; i++)
		base[i] = interfaces[i]();
	for (i = 0; i < count; i++) {
		size[i] = low + random_next(&rnd) % (high - low + 1);
		live += size[i];
		p[i] = malloc(size[i]);
		CHECK(p[i]);
	}
	expect_moved(base, live, what);
	for (i = 0; i < count; i += 2) {
		live -= size[i];
		free(p[i]);
	}
	expect_moved(base, live, what);
	for (i = 1; i < count; i += 2)
		free(p[i]);
	expect_moved(base, 0, what);
	munmap(p, count * sizeof(*p));
	munmap(size, count * sizeof(*size));
}

static void uordblks_follows_the_live_set(void)
{
	live_set(64, 8 * KIB, 4000, "64 B..8 KiB");
	live_set(64, 64, 100000, "64 B");
	live_set(1000, 1024, 20000, "1 KiB");
	live_set(40 * KIB, 40 * KIB, 500, "40 KiB");
	live_set(3 * MIB, 3 * MIB, 40, "3 MiB");
	live_set(64 * MIB, 64 * MIB, 6, "64 MiB");
}

static void the_parts_add_up(void)
{
	void *p = malloc(100 * KIB);
	struct mallinfo2 mi = mallinfo2();
	struct mallinfo old = mallinfo();

	CHECK(mi.uordblks >= (under_libmm() ? 100 * KIB : 0));
	CHECK(mi.arena + mi.hblkhd >= mi.uordblks);
	CHECK(mi.uordblks > INT_MAX ||
	      close_to((size_t)old.uordblks, mi.uordblks));
	free(p);
}

static void mallopt_accepts_the_known_parameters(void)
{
	CHECK(mallopt(M_TRIM_THRESHOLD, 128 * 1024) == 1);
	CHECK(mallopt(M_TOP_PAD, 128 * 1024) == 1);
	CHECK(mallopt(M_MMAP_THRESHOLD, 128 * 1024) == 1);
	CHECK(mallopt(M_MMAP_MAX, 65536) == 1);
	CHECK(mallopt(M_ARENA_MAX, 8) == 1);
	CHECK(mallopt(M_CHECK_ACTION, 3) == 1);
	CHECK(mallopt(M_MXFAST, 64) == 1);
	CHECK(mallopt(M_MXFAST, 1 << 20) == 0);
}

int main(void)
{
	free(malloc(100));
	uordblks_follows_the_live_set();
	the_parts_add_up();
	mallopt_accepts_the_known_parameters();
	return check_result();
}
