// SPDX-License-Identifier: MIT
/*
 * reclaim/limit.c - how much memory the heap may have, while swap works
 *
 * The option and the control group have limits for all that is resident, so the
 * heap gets what the rest does not use. Of the machine's memory a part is left
 * to others; what is available beyond that the heap may grow by.
 */
#include "os/os.h"
#include "reclaim/swapd.h"

#define LIMIT_MS    20
#define LEAST_PAGES 1024 /* that a limit leaves to the heap */
#define LEAST_STEP  64	 /* pages */

size_t page_goal = SIZE_MAX, copies_limit = SIZE_MAX;
bool copies_fill;
uint32_t forks_seen;
static uint64_t looked_ms;

/* What a limit leaves to the heap, when so much of it is used otherwise. */
static size_t rest_of(size_t limit, size_t used, size_t heap)
{
	size_t others = used - min_size(used, heap);

	return max_size(limit - min_size(limit, others), LEAST_PAGES);
}

/* What is not the heap's may alone be more: half is left to it. */
static size_t of_option(size_t used, size_t heap)
{
	size_t limit = mm_options.limit >> PAGE_SHIFT;

	if (!limit)
		return SIZE_MAX;
	return max_size(rest_of(limit, used, heap), limit / 2);
}

/*
 * A sixteenth of the group's is for what the kernel keeps there. Half of that
 * is what several processes may all grow by until they look again, so they do
 * not fill the group together. And what is written does not stay with the
 * kernel, which would have to wait for the disk when the group is full.
 */
static size_t of_group(size_t heap, size_t *nr, size_t *step)
{
	size_t used, max = os_cgroup_memory(&used);
	size_t kept = max / CGROUP_PART;

	if (max == SIZE_MAX)
		return SIZE_MAX;
	swap_write_through();
	*nr = max_size(os_cgroup_processes(), 1);
	if (*nr > 1)
		*step = max_size((kept / 2 >> PAGE_SHIFT) / *nr, LEAST_STEP);
	return rest_of((max - kept) >> PAGE_SHIFT, used >> PAGE_SHIFT, heap);
}

/* A share of all memory, between two bounds, but not most of it. */
static size_t share(size_t ram, size_t part, size_t least, size_t most)
{
	return min_size(max_size(ram / part, min_size(least, ram / 4)), most) >>
	       PAGE_SHIFT;
}

/*
 * No limit as long as there is plenty: memory near a limit is watched as it is
 * touched, which costs. A process that has little does not have to shrink for
 * others that have much. Pages of the heap count also if nobody has touched
 * them yet.
 */
static size_t of_machine(size_t used, size_t heap)
{
	static bool near;
	size_t ram, available = os_ram_available(&ram);
	size_t plenty = share(ram, 8, MIB(512), GIB(8));
	size_t spare = share(ram, 32, MIB(64), GIB(1));

	if (available == SIZE_MAX)
		return SIZE_MAX;
	available >>= PAGE_SHIFT;
	if (used + available >
	    max_size(used, heap) + plenty + (near ? plenty / 4 : 0)) {
		near = false;
		return SIZE_MAX;
	}
	if (!near) {
		arm_windows();
		count_blocks();
	}
	near = true;
	available -= min_size(available, spare);
	return max_size(rest_of(used + available, used, heap),
			ram / 16 >> PAGE_SHIFT);
}

void limit_forget(void)
{
	looked_ms = 0;
}

/* Pages of the heap that may be shared, and would be copied by and by. */
static void see_to_copies(size_t shared, size_t nr, size_t own, uint32_t forks)
{
	static uint32_t alone; /* after so many forks no other was left */

	if (nr == 1)
		alone = forks;
	/* it is not known how many there are */
	nr = max_size(nr, 1);
	WRITE_ONCE(copies_limit, shared / (nr + 1));
	copies_fill = forks != alone && copies_limit < own;
	protect_shared(forks);
	if (forks == forks_seen)
		return;
	__atomic_store_n(&forks_seen, forks, __ATOMIC_RELEASE);
	os_futex_wake(&forks_seen);
}

bool set_limit(void)
{
	static size_t step = SIZE_MAX;
	uint32_t forks = __atomic_load_n(&nr_forks, __ATOMIC_ACQUIRE);
	size_t heap = pages_resident(), before = READ_ONCE(page_limit);
	size_t used, own, shared, limit, mark, nr = 0;
	uint64_t now = os_clock_ms();
	bool stepped =
		step != SIZE_MAX && heap + READ_ONCE(pages_copied) > page_mark;

	if (forks == forks_seen && now - looked_ms < LIMIT_MS &&
	    (now == looked_ms || !stepped))
		return false;
	looked_ms = now;
	step = SIZE_MAX;
	__atomic_store_n(&pages_copied, 0, __ATOMIC_RELAXED);
	used = os_resident_self(swapd.statm) >> PAGE_SHIFT;
	/* what nobody has touched yet is not in what the group has */
	own = used ? min_size(heap, used) : heap;
	shared = min_size(of_group(own, &nr, &step), of_machine(used, heap));
	limit = min_size(of_option(used, heap), shared);
	mark = limit - limit_gap(limit);
	page_goal = limit;
	if (limit != SIZE_MAX && heap < limit && step < limit - heap) {
		limit = heap + step;
		mark = min_size(mark, heap + step / 2);
	}
	/* the pool counts, too, and something has to be left for the heap */
	swap_bound_pool(min_size(page_goal, SIZE_MAX >> PAGE_SHIFT) / 4 * 3
			<< PAGE_SHIFT);
	WRITE_ONCE(page_mark, mark);
	WRITE_ONCE(page_limit, limit);
	if (limit != SIZE_MAX)
		WRITE_ONCE(swap_arms_early, true);
	see_to_copies(shared, nr, own, forks);
	return limit > before;
}
