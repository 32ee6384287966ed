/* SPDX-License-Identifier: MIT */
/*
 * thread_ends.c - what the kernel writes when a thread ends is in the heap
 *
 * The word of clone(CLONE_CHILD_CLEARTID), a robust mutex whose owner ends, a
 * stack that malloc gave, with libc's word for pthread_join(). The kernel
 * cannot wait for a page there, so these may not be out.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

#include "heap.h"

#define STACK	(256 * KIB)
#define SECONDS 10

static int go;

static void wait_for_go(void)
{
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		usleep(1000);
}

/* All of a block that may leave, leaves; then the others may go on. */
static void evict(void *block, size_t size, const void *stays)
{
	heap_advise(block, size, MM_COLD);
	CHECK(!heap_is_out(stays));
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
}

static struct timespec deadline(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += SECONDS;
	return t;
}

static int child(void *arg)
{
	(void)arg;
	wait_for_go();
	syscall(SYS_exit, 0);
	return 0;
}

static void check_word(void)
{
	char *block = aligned_alloc(HEAP_PAGE, 64 * KIB);
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int *word = (int *)(block + 5 * HEAP_PAGE), i = 0;

	memset(block, 1, 64 * KIB);
	go = 0;
	CHECK(clone(child, stack + STACK,
		    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			    CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID,
		    NULL, NULL, NULL, word) > 0);
	evict(block, 64 * KIB, word);
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) && i++ < SECONDS * 100)
		usleep(10000);
	CHECK(!*word);
	free(block);
}

static void *lock_and_end(void *mutex)
{
	CHECK(!pthread_mutex_lock(mutex));
	wait_for_go();
	return NULL;
}

static void check_mutex(size_t size)
{
	char *block = aligned_alloc(HEAP_PAGE, size);
	pthread_mutex_t *mutex = (pthread_mutex_t *)(block + 7 * HEAP_PAGE);
	struct timespec t = deadline();
	pthread_mutexattr_t attr;
	pthread_t thread;

	memset(block, 1, 16 * HEAP_PAGE);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	CHECK(!pthread_mutex_init(mutex, &attr));
	go = 0;
	CHECK(!pthread_create(&thread, NULL, lock_and_end, mutex));
	usleep(100000);
	evict(block, size, mutex);
	CHECK(!pthread_join(thread, NULL));
	CHECK(pthread_mutex_timedlock(mutex, &t) == EOWNERDEAD);
	free(block);
}

static void *just_end(void *arg)
{
	wait_for_go();
	return arg;
}

static void check_stack(void)
{
	char *stack = aligned_alloc(HEAP_PAGE, STACK);
	struct timespec t = deadline();
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	CHECK(!pthread_attr_setstack(&attr, stack, STACK));
	go = 0;
	CHECK(!pthread_create(&thread, &attr, just_end, NULL));
	usleep(100000);
	/* libc's data about the thread */
	evict(stack, STACK, (const void *)thread);
	CHECK(!pthread_timedjoin_np(thread, NULL, &t));
	free(stack);
}

int main(void)
{
	if (!swap_possible())
		return SKIP;
	check_word();
	check_mutex(64 * KIB);
	check_mutex(64 * MIB);
	check_stack();
	return check_result();
}
