// SPDX-License-Identifier: MIT
/*
 * reclaim/room.c - who touches waits until there is room
 *
 * What a touch brings may be more than the limit allows: then swapd takes other
 * pages out first. Not for long: a thread that forks may hold swapd up.
 */
#include "os/os.h"
#include "reclaim/service.h"

#define ROOM_TRIES   10
#define ROOM_MS	     2
#define MOST_ROOM_MS 100

static unsigned want_room; /* servers that wait for swapd; atomic */

void room_init(void)
{
	want_room = 0;
}

/* The cgroup is full: swapd makes room. */
void service_wait(void)
{
	uint32_t seen = READ_ONCE(swapd.progress);

	swap_ring();
	os_futex_wait(&swapd.progress, seen, ROOM_MS);
}

bool service_wants_room(void)
{
	return READ_ONCE(want_room);
}

/*
 * As long as pages leave, but not for ever: others may take what they free. If
 * all there is has to stay, the limit gives way; if the disk is slow, it does
 * not.
 */
void room_for(size_t nr)
{
	uint32_t seen, now;
	uint64_t start;

	if (likely(within_limit(nr)))
		return;
	start = os_clock_ms();
	if (start < READ_ONCE(swapd.stuck_until))
		return;
	__atomic_add_fetch(&want_room, 1, __ATOMIC_SEQ_CST);
	seen = READ_ONCE(swapd.progress);
	for (unsigned idle = 0; !within_limit(nr) && idle < ROOM_TRIES;) {
		stage_help(BATCH_PAGES);
		os_futex_wait(&swapd.progress, seen, ROOM_MS);
		now = READ_ONCE(swapd.progress);
		idle = now == seen ? idle + 1 : 0;
		seen = now;
		if (swap_at_disk()) {
			idle = 0;
			start = os_clock_ms();
		} else if (os_clock_ms() - start > MOST_ROOM_MS) {
			break;
		}
	}
	__atomic_sub_fetch(&want_room, 1, __ATOMIC_SEQ_CST);
}
