// SPDX-License-Identifier: MIT
/*
 * reclaim/readahead.c - how many pages a touch brings
 *
 * What the touched object lies on; more as long as the touches go upwards.
 */
#include "reclaim/swapd.h"
#include "slab/slab.h"

#define BROUGHT_OVER 64 /* touches */
#define MUCH_AHEAD   4	/* pages a touch */

static size_t brought; /* pages by a touch, times BROUGHT_OVER: an average */

/* Pages of a small object from the one on that was touched. */
static size_t pages_of_object(struct mapping *m, uintptr_t touched)
{
	const char *object, *p = (char *)touched;
	const struct slot *slot;
	size_t bytes;

	if (m->kind != MAPPING_WINDOW)
		return 1;
	slot = slot_at(mapping_window(m), p);
	bytes = class_bytes[READ_ONCE(slot->class)];
	object = slab_object(slot, p);
	if (bytes > MEDIUM_MAX || object + bytes <= p)
		return 1;
	return ((uintptr_t)(object + bytes - 1) >> PAGE_SHIFT) -
	       (touched >> PAGE_SHIFT) + 1;
}

/* The stream that a touch goes on with, or NULL. */
static struct stream *find_stream(struct readahead *ra, uintptr_t addr)
{
	for (unsigned i = 0; i < NR_STREAMS; i++)
		if (addr == ra->stream[i].next)
			return &ra->stream[i];
	return NULL;
}

size_t read_ahead(struct readahead *ra, struct mapping *m, uintptr_t touched,
		  size_t max)
{
	uintptr_t addr = align_down(touched, PAGE_SIZE);
	size_t nr = pages_of_object(m, touched);
	struct stream *st = find_stream(ra, addr);

	if (st)
		nr = max_size(min_size(st->nr * 2, MAX_AHEAD), nr);
	else
		st = &ra->stream[ra->turn++ % NR_STREAMS];
	st->nr = nr;
	nr = min_size(nr, max);
	WRITE_ONCE(brought, brought - brought / BROUGHT_OVER + nr);
	st->next = addr + (nr << PAGE_SHIFT);
	return nr;
}

bool service_reads_ahead(void)
{
	return READ_ONCE(brought) > BROUGHT_OVER * MUCH_AHEAD;
}
