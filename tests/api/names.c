/* SPDX-License-Identifier: MIT */
/*
 * names.c - the other names of the family, looked up as programs do
 *
 * Every entry point must lead to the same heap, or a block taken by one name
 * and freed by another is foreign. Under libmm each must also be libmm's own.
 */
#include <malloc.h>
#include <stdint.h>

#include "check.h"

static const char *const names[] = {
	"malloc",	   "free",
	"calloc",	   "realloc",
	"reallocarray",	   "memalign",
	"aligned_alloc",   "posix_memalign",
	"valloc",	   "pvalloc",
	"cfree",	   "malloc_usable_size",
	"free_sized",	   "free_aligned_sized",
	"malloc_trim",	   "mallopt",
	"mallinfo",	   "mallinfo2",
	"malloc_info",	   "malloc_stats",
	"__libc_malloc",   "__libc_free",
	"__libc_calloc",   "__libc_realloc",
	"__libc_memalign", "__libc_valloc",
	"__libc_pvalloc",  "__libc_mallopt",
	"__libc_mallinfo", "__libc_reallocarray",
};

static void every_name_is_served(void)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *sym = mm_symbol(names[i]);

		if (under_libmm() && sym && !served_by_libmm(sym))
			check_report(names[i], 0, "served by libmm");
	}
}

static void check_and_free(void *p, size_t align, void (*release)(void *))
{
	CHECK(p && aligned_to(p, align) && malloc_usable_size(p) >= 100);
	memset(p, 1, 100);
	release(p);
}

static void libc_names_share_the_heap(void)
{
	void *(*get)(size_t) = mm_symbol("__libc_malloc");
	void *(*get_zeroed)(size_t, size_t) = mm_symbol("__libc_calloc");
	void *(*resize)(void *, size_t) = mm_symbol("__libc_realloc");
	void *(*get_aligned)(size_t, size_t) = mm_symbol("__libc_memalign");
	void *(*get_page)(size_t) = mm_symbol("__libc_valloc");
	void *(*get_pages)(size_t) = mm_symbol("__libc_pvalloc");
	void (*release)(void *) = mm_symbol("__libc_free");

	check_and_free(get(100), 16, free);
	check_and_free(get_zeroed(10, 10), 16, free);
	check_and_free(resize(malloc(10), 100), 16, free);
	check_and_free(realloc(get(10), 100), 16, release);
	check_and_free(get_aligned(1024, 100), 1024, free);
	check_and_free(get_page(100), 4096, free);
	check_and_free(get_pages(100), 4096, free);
	check_and_free(malloc(100), 16, release);
	release(NULL);
}

static void cfree_frees(void)
{
	void (*release)(void *) = dlsym(RTLD_DEFAULT, "cfree");

	if (release)
		check_and_free(malloc(100), 16, release);
}

/* C23: the caller tells what it asked for; zero and NULL are allowed. */
static void sized_frees_free(void)
{
	void (*release)(void *, size_t) = mm_symbol("free_sized");
	void (*release_aligned)(void *, size_t, size_t) =
		mm_symbol("free_aligned_sized");
	size_t n, align, rss = 0;

	if (!release || !release_aligned)
		return; /* a libc without C23 */
	release(NULL, 0);
	release_aligned(NULL, 64, 0);
	for (n = 0; n < 300 * MIB; n += n / 2 + 1) {
		errno = 4711;
		release(malloc(n), n);
		release(calloc(1, n), n);
		for (align = 16; align <= MIB; align *= 4)
			release_aligned(aligned_alloc(align, n), align, n);
		CHECK(errno == 4711);
	}
	for (n = 0; n < 512; n++) {
		void *p = aligned_alloc(64, MIB);

		memset(p, 1, MIB);
		release_aligned(p, 64, MIB);
		if (n == 16)
			rss = rss_bytes();
	}
	CHECK(rss_bytes() < rss + 64 * MIB);
}

int main(void)
{
	if (under_libmm())
		every_name_is_served();
	libc_names_share_the_heap();
	cfree_frees();
	sized_frees_free();
	return check_result();
}
