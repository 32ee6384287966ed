// SPDX-License-Identifier: MIT
/*
 * locked.c - what is locked in memory by mlockall() comes back, and stays
 */
#include <sys/mman.h>

#include "heap.h"

int main(void)
{
	struct heap h;

	if (!swap_possible_for_root("for as much locked memory"))
		return SKIP;
	heap_make(&h, 400, 64 * KIB);
	usleep(300000);
	heap_evict(&h);
	CHECK(heap_was_out(&h, 50));
	CHECK(!mlockall(MCL_CURRENT));
	CHECK(!heap_wrong(&h));
	heap_write(&h, 2);
	usleep(300000);
	heap_evict(&h);
	CHECK(!under_libmm() || !heap_percent_out(&h));
	CHECK(!munlockall());
	heap_evict(&h);
	CHECK(heap_was_out(&h, 50));
	CHECK(!heap_wrong(&h));
	return check_result();
}
