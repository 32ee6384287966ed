/* SPDX-License-Identifier: MIT */
/*
 * unit/slab_test.h - a door for the tests of slab/ and the rooms above
 */
#ifndef MM_UNIT_SLAB_TEST_H
#define MM_UNIT_SLAB_TEST_H

#include <pthread.h>
#include "capture.h"
#include "zone_test.h"
#include "slab/slab.h"

/* This thread gets a heap, as by its first malloc. */
static inline struct heap *enter(void)
{
	struct heap *h = heap_get();

	assert_non_null(h);
	tcache.heap = h;
	tcache.id = h->id;
	return h;
}

/* As at the thread's end. */
static inline void leave(void)
{
	struct heap *h = tcache.heap;

	tcache.heap = NULL;
	tcache.id = OWNER_NOBODY;
	heap_put(h);
}

/* Only in a child, once. */
static inline struct heap *start_slabs(void)
{
	start_zones(1);
	assert_int_equal(heap_init(), 0);
	return enter();
}

static inline void *take(size_t n)
{
	struct heap *h = tcache.heap;
	unsigned nr = size_list(n);
	void **list = slab_list(h, nr), *p = *list;

	if (p)
		*list = *(void **)p;
	else
		p = slab_alloc(h, nr);
	assert_non_null(p);
	return p;
}

/* From a thread with or without a heap. */
static inline void give(void *p)
{
	struct heap *h = tcache.heap;

	switch (slab_free_fast(p)) {
	case FREE_DONE:
		break;
	case FREE_EVENT:
		slab_event(h, slab_at(p));
		break;
	case FREE_OTHER:
		if (h)
			slab_free(h, slab_at(p), p);
		else
			remote_post(slab_at(p), p, p, 1);
	}
}

static inline int32_t inuse(const struct slab *s)
{
	return s->credits + s->bias;
}

/* Slabs there are, of all heaps and of none. */
static inline size_t live_slabs(void)
{
	const size_t pages = SLAB_SIZE >> PAGE_SHIFT;
	size_t n = 0;

	for_each_zone(z) {
		const struct span *s = &z->span[0];

		for (pfn_t pfn = s->start; pfn < s->grown; pfn += pages)
			n += windows[0].slots[pfn_index(pfn) / pages].owner !=
			     OWNER_NONE;
	}
	return n;
}

/* Of all heaps, and of none. */
static inline uint64_t counted(enum stat_item i)
{
	uint64_t n = mm_global_counters.n[i];

	for (struct heap *h = heap_first(); h; h = h->next_all)
		n += h->stats.n[i];
	for_each_zone(z)
		n += z->stats.n[i];
	return n;
}

static inline void *thread_main(void *f)
{
	enter();
	((void (*)(void))f)();
	leave();
	return NULL;
}

/* Run @f in a thread that starts, gets a heap, and ends. */
static inline void in_thread(void (*f)(void))
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, thread_main, (void *)f),
			 0);
	pthread_join(thread, NULL);
}

/* @f is a misuse: it is told in a line with @text, and the process aborts. */
static inline void assert_aborts(void (*f)(void), const char *text)
{
	int status;
	pid_t pid;

	capture_begin();
	pid = start_child();
	if (!pid) {
		f();
		end_child();
	}
	status = child_status(pid);
	capture_end();
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(captured, text));
}

#endif
