// SPDX-License-Identifier: MIT
/*
 * reclaim/ids.c - swap's threads are whoever the program is
 *
 * To the kernel each thread has a user of its own, and libc changes those of
 * the threads it knows. One that stayed root would be a way back for whoever
 * takes the program over. So what the calling thread is now, all of ours become
 * before the call returns.
 */
#include <errno.h>
#include "os/os.h"
#include "reclaim/service.h"

#define FOLLOW_MS 2000

uint32_t ids_version;

static struct mm_lock ids_lock; /* guards what follows, but for who adopts */
static struct os_ids ids;
static uint32_t nr_followed; /* atomic */
static int failed;	     /* atomic */
static char *wake;	     /* a page; who touches it wakes a server */

int ids_init(void)
{
	lock_init(&ids_lock);
	if (!wake)
		wake = os_map(PAGE_SIZE);
	return wake ? uffd_register(swapd.uffd, wake, PAGE_SIZE) : -ENOMEM;
}

void ids_adopt(uint32_t *mine)
{
	int err;

	/* pairs with the release in swap_follow_ids() */
	*mine = __atomic_load_n(&ids_version, __ATOMIC_ACQUIRE);
	err = os_ids_set(&ids);
	if (err)
		__atomic_store_n(&failed, err, __ATOMIC_RELAXED);
	__atomic_add_fetch(&nr_followed, 1, __ATOMIC_RELEASE);
}

/* A server that has done so lets the others come to the front. */
void ids_wait(void)
{
	uint64_t start = os_clock_ms();

	while (__atomic_load_n(&nr_followed, __ATOMIC_ACQUIRE) < SWAP_THREADS &&
	       os_clock_ms() - start < FOLLOW_MS)
		os_yield();
}

int swap_follow_ids(void)
{
	int err = 0;

	/* one made by vfork() shares the memory, not the threads */
	if (os_process() != swapd.process)
		return 0;
	lock_acquire(&ids_lock);
	err = os_ids_get(&ids);
	if (!err) {
		failed = 0;
		nr_followed = 0;
		__atomic_add_fetch(&ids_version, 1, __ATOMIC_RELEASE);
		os_purge(wake, PAGE_SIZE);
		swap_ask(SWAP_FOLLOW, NULL, 0);
		(void)READ_ONCE(*wake);
		ids_wait();
		err = failed;
		if (__atomic_load_n(&nr_followed, __ATOMIC_ACQUIRE) <
		    SWAP_THREADS)
			err = -ETIMEDOUT;
	}
	lock_release(&ids_lock);
	return err;
}
