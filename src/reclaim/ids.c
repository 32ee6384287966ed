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

#define FOLLOW_MS 10000

uint32_t ids_version;

/* guards what follows, but for who adopts */
static struct mm_lock ids_lock = LOCK(IDS);
static struct os_ids ids;
static uint32_t nr_followed; /* servers; atomic */
static int failed;	     /* atomic */
static char *wake;	     /* a page; who touches it wakes a server */

int ids_init(void)
{
	lock_init(&ids_lock);
	if (!wake)
		wake = os_map(PAGE_SIZE);
	nr_followed = NR_SERVERS;
	return wake ? uffd_register(swapd.uffd, wake, PAGE_SIZE) : -ENOMEM;
}

/* The file may lie where only root can make it; any user can open it again. */
int ids_adopt_swapd(void)
{
	swap_make_file();
	return os_ids_set(&ids);
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

bool ids_followed(void)
{
	return __atomic_load_n(&nr_followed, __ATOMIC_ACQUIRE) == NR_SERVERS ||
	       READ_ONCE(swap_ended);
}

bool ids_wait(unsigned ms)
{
	uint64_t start = os_clock_ms();

	while (!ids_followed() && os_clock_ms() - start <= ms)
		os_nap();
	return ids_followed();
}

static int follow(void)
{
	int err = os_ids_get(&ids);

	if (!err)
		err = (int)swap_ask(SWAP_FOLLOW, NULL, 0);
	if (err)
		return err;
	failed = 0;
	nr_followed = 0;
	__atomic_add_fetch(&ids_version, 1, __ATOMIC_RELEASE);
	/* after mlockall() it would not go */
	os_unlock(wake, PAGE_SIZE);
	os_purge(wake, PAGE_SIZE);
	(void)READ_ONCE(*wake);
	return ids_wait(FOLLOW_MS) ? failed : -ETIMEDOUT;
}

int swap_follow_ids(void)
{
	int err;

	/* one made by vfork() shares the memory, not the threads */
	if (swap_is_parents())
		return 0;
	lock_acquire(&ids_lock);
	err = follow();
	lock_release(&ids_lock);
	return err;
}

bool swap_is_parents(void)
{
	return os_process() != swapd.process;
}
