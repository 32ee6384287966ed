// SPDX-License-Identifier: MIT
/*
 * api/init.c - the process starts, threads start and end, the process forks
 *
 * Everything is set up by the first call that reaches the slow path, which may
 * come from the dynamic linker before libc is initialised: nothing here may
 * allocate, use stdio or expect environ.
 *
 * Lock order: enum lock_rank, in os/lock.h, has all locks there are.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "api/init.h"
#include "api/show.h"
#include "api/valgrind.h"
#include "side/option.h"

#define KEYS_BYTES  512	    /* of 32 pthread keys of a thread */
#define STACK_BELOW KIB(32) /* that libc may use in the child of a fork */
#define STACK_ABOVE 512

static struct mm_lock init_lock = LOCK(INIT);
static bool ready, failed;
static pthread_key_t exit_key;
static bool have_key;
bool on_valgrind;

/* ---- locks, in order ---- */

void all_locks(enum fork_step step)
{
	reclaim_fork(step);
	slab_fork(step);
	large_fork(step);
	zone_fork(step);
	pgtable_fork(&mm_pgtable, step);
	arena_fork(step);
}

/*
 * The handlers are registered by the first fork, or by the first thread that is
 * not the main one; twice if two do it together. From the start would be
 * simpler, but costs a program that needs none 128 KiB of libc's pages. If the
 * program has handlers, ours come before them (preload/atfork.c), and so are
 * the last to prepare; but not in a static program, where the program's own run
 * inside of them.
 */
static bool forks_watched;
static unsigned nr_prepared;
static bool swap_rests_now;

/* Locks that swapd held are held for ever, and other threads are gone. */
__cold void api_orphan(void)
{
	lock_holder = NULL;
	nr_prepared = 0;
	all_locks(FORK_CHILD);
	swapd_orphan();
}

/*
 * In the child libc clears what other threads have set for pthread keys, before
 * any handler runs. From key 32 on that is an object of the heap's, to which
 * the thread's own data lead.
 */
__attribute__((no_sanitize("address", "thread"))) static void
touch_keys_of(const struct tcache *tc)
{
	const char *self = __builtin_thread_pointer();
	const char *mine = (const char *)&tcache, *at, *end;
	struct block b;
	bool there;

	/* a linker relaxes no subtraction from memory */
	__asm__("" : "+r"(mine));
	at = (const char *)tc + (self - mine) + OS_THREAD_START;
	end = at + OS_THREAD_BYTES;
	/* the thread may have ended unseen, or libc's data be shorter */
	there = os_readable(at);
	for (; at < end; at += sizeof(uintptr_t)) {
		const char *p;

		if (!((uintptr_t)at % PAGE_SIZE))
			there = os_readable(at);
		p = there ? READ_ONCE(*(char *const *)at) : NULL;
		if (!p || !find_block(NULL, p, &b) || !b.slab ||
		    class_bytes[b.slab->class] != KEYS_BYTES ||
		    slab_object(slot_of(b.slab), p) != p)
			continue;
		(void)READ_ONCE(p[0]);
		(void)READ_ONCE(p[KEYS_BYTES - 1]);
	}
}

/* Upwards a stack ends somewhere, and downwards. */
static void bring_stack(void)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	uintptr_t p = align_down(sp - STACK_BELOW, PAGE_SIZE);

	for (; p < sp + STACK_ABOVE; p += PAGE_SIZE)
		if (map_find(NULL, p))
			heap_bring((char *)p, 1);
}

static void touch_forking(void)
{
	os_touch_forking();
	bring_stack();
	for (struct heap *h = heap_first(); h; h = h->next_all)
		if (h->tc && h->tc != &tcache)
			touch_keys_of(h->tc);
}

/* Signal handlers that allocate meanwhile get what is set aside for that. */
static void fork_prepare(void)
{
	bool busy = tcache.busy;
	int err;

	see_if_orphaned();
	if (!lock_is_forking()) {
		/* in a handler amidst malloc some locks are its own */
		if (unlikely(busy) && swap_sees_forks()) {
			swapd_fork_await();
			return;
		}
		/* the service gets a descriptor for each child */
		if (!swap_can_fork())
			api_end_swap("too few descriptors to fork (ulimit -n)");
		tcache.busy = true;
		/*
		 * libc takes it after the handlers, and malloc's locks later:
		 * who reads or writes a stream may hold that, and allocate.
		 */
		os_streams_hold();
		all_locks(FORK_PREPARE);
		err = swapd_fork_prepare();
		if (unlikely(err)) {
			swapd_fork_failed();
			swapd_fork_parent();
			all_locks(FORK_PARENT);
			swap_rest(err);
			all_locks(FORK_PREPARE);
			swapd_fork_prepare();
		}
		swap_rests_now = err;
		if (swap_on)
			touch_forking();
		WRITE_ONCE(lock_holder, __builtin_thread_pointer());
		/* from here on a signal handler that forks is part of this */
		swapd_fork_ready();
		tcache.busy = busy;
	}
	nr_prepared++;
}

static void fork_parent(void)
{
	bool busy = tcache.busy;

	if (!lock_is_forking() || --nr_prepared)
		return;
	tcache.busy = true;
	WRITE_ONCE(lock_holder, NULL);
	swapd_fork_parent();
	if (swap_rests_now)
		swap_go_on();
	all_locks(FORK_PARENT);
	os_streams_release();
	swapd_fork_done();
	tcache.busy = busy;
}

void api_fork_child(void)
{
	bool busy = tcache.busy;

	if (!lock_is_forking() || --nr_prepared)
		return;
	tcache.busy = true;
	lock_holder = NULL;
	lock_forget_held();
	all_locks(FORK_CHILD);
	swapd_fork_child();
	stat_add_global(STAT_fork, 1);
	tcache.busy = busy;
	/* libc does that only where it knows of other threads */
	os_streams_reset();
}

bool api_fork_prepare(void)
{
	if (!swap_on || tcache.busy)
		return false;
	fork_prepare();
	return true;
}

void api_fork_done(long r)
{
	if (!r) {
		api_fork_child();
		return;
	}
	if (r < 0)
		swapd_fork_failed();
	fork_parent();
}

void api_watch_forks(void)
{
	struct heap *h;

	if (READ_ONCE(forks_watched))
		return;
	if (!smp_load_acquire(&ready)) {
		h = door_enter();
		if (!h)
			return;
		door_leave(h);
	}
	pthread_atfork(fork_prepare, fork_parent, api_fork_child);
	WRITE_ONCE(forks_watched, true);
}

/* ---- threads ---- */

static void end_thread(void)
{
	struct heap *h = tcache.heap;

	tcache.heap = NULL;
	tcache.id = OWNER_NOBODY;
	heap_put(h);
}

/*
 * Destructors that run after this one, and libc itself, may still allocate and
 * free: from now on the thread borrows a heap for each call.
 */
static void thread_exits(void *arg)
{
	(void)arg;
	tcache.exiting = true;
	if (tcache.heap && !tcache.busy) {
		tcache.busy = true;
		end_thread();
		tcache.busy = false;
	}
}

/* As a rule the main one; that is known without a call a filter may forbid. */
static const void *first_thread;

static __cold bool init_once(void)
{
	lock_acquire(&init_lock);
	if (!ready && !failed) {
		first_thread = __builtin_thread_pointer();
		option_init();
		valgrind_init();
		if (mm_options.stats.word == STATS_EXIT)
			show_init();
		slab_check = mm_options.check || on_valgrind;
		failed = zone_init() || heap_init();
		if (failed)
			mm_warn("cannot reserve address space for the heap; every allocation will fail. Raise the limit on virtual memory (ulimit -v)");
		if (mm_options.verbose && !failed)
			mm_warn("%u node(s), window of %zu MiB at %p, page size %zu",
				nr_nodes, windows[0].size >> 20,
				(void *)windows[0].base, os_page_size());
		have_key =
			!failed && !pthread_key_create(&exit_key, thread_exits);
		smp_store_release(&ready, !failed);
	}
	lock_release(&init_lock);
	return ready;
}

static __cold struct heap *start_thread(void)
{
	struct heap *h;

	if (!smp_load_acquire(&ready) && !init_once())
		return NULL;
	if (!READ_ONCE(forks_watched) &&
	    __builtin_thread_pointer() != first_thread)
		api_watch_forks();
	h = heap_get();
	if (!h)
		return NULL;
	tcache.heap = h;
	if (!slab_check)
		tcache.id = h->id;
	if (have_key && !tcache.exiting) {
		/* may allocate: not inside any more, the heap is there */
		tcache.busy = false;
		pthread_setspecific(exit_key, &tcache);
		tcache.busy = true;
	}
	return h;
}

struct heap *door_enter(void)
{
	struct heap *h = tcache.heap;

	if (unlikely(tcache.busy))
		return NULL;
	tcache.busy = true;
	see_if_orphaned();
	valgrind_enter();
	if (unlikely(!h)) {
		h = start_thread();
		if (!h) {
			valgrind_leave();
			tcache.busy = false;
		}
	}
	return h;
}

#define VALIDATE_EVERY 256 /* calls of a thread */

/* With -Ddebug_vm=true, and unless a thread was cut short by fork(). */
static void validate(struct heap *h)
{
	static __tls unsigned nr;

	if (++nr % VALIDATE_EVERY || !slab_trust_chains)
		return;
	validate_heap(h);
	for_each_zone(z)
		validate_free(z);
	validate_pgtable(&mm_pgtable);
}

void door_leave(struct heap *h)
{
	if (DEBUG_VM)
		validate(h);
	if (unlikely(READ_ONCE(reclaim_wanted)))
		reclaim_balance();
	if (unlikely(tcache.exiting) && tcache.heap)
		end_thread();
	valgrind_leave();
	tcache.busy = false;
	while (nested_pending()) {
		void *p = nested_take();

		if (p)
			api_free_slow(p);
	}
}

/* ---- the process ---- */

__attribute__((constructor)) static void process_start(void)
{
	struct heap *h = door_enter();

	if (!h)
		return;
	door_leave(h);
	if (unlikely(mm_options.swap))
		api_start_swap();
}

__attribute__((destructor)) static void process_end(void)
{
	if (ready && mm_options.stats.word != STATS_OFF)
		show_at_exit();
}
