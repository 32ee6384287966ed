// SPDX-License-Identifier: MIT
/*
 * reclaim/clear.c - free objects are cleared before their pages are stored
 *
 * What a program has freed is not worth room in the store. The pages of a slab
 * that leave together are PACKING together, so that its list of free objects
 * can be followed in their stages: as long as an entry is PACKING nobody has
 * touched its page, and whoever does gets a copy of the stage. An object on the
 * list is free if the page that its link lies on is PACKING still after the
 * link was read: the link is as it was when the list was read, and whoever
 * writes to the object later has to touch that page before. All but the link is
 * cleared; a copy made meanwhile is none the worse for it.
 *
 * Objects in lists of threads, or on their way to another one, are not found.
 */
#include <string.h>
#include "os/os.h"
#include "reclaim/swapd.h"
#include "slab/slab.h"

#define LINK sizeof(void *)

/* Where the pages of a slab are; a stage plus one, as 0 says elsewhere. */
struct image {
	char *base;
	const struct slot *slot;
	uint64_t stage[SLAB_PAGES];
};

static uint64_t *stage_of(struct image *im, const char *p)
{
	return &im->stage[(size_t)(p - im->base) >> PAGE_SHIFT];
}

/* Where the bytes of an address are; NULL if its page is not PACKING. */
static char *lookup(struct image *im, const char *p)
{
	uint64_t stage = *stage_of(im, p);

	if (!stage-- || !stage_is_packing(stage))
		return NULL;
	return stage_addr(stage) + ((uintptr_t)p & (PAGE_SIZE - 1));
}

static void clear(struct image *im, char *p, char *end)
{
	for (char *next; p < end; p = next) {
		char *at = lookup(im, p);

		next = (char *)align_down((uintptr_t)p, PAGE_SIZE) + PAGE_SIZE;
		next = next < end ? next : end;
		if (at)
			memset(at, 0, (size_t)(next - p));
	}
}

static bool is_object(const struct image *im, const char *p, size_t bytes)
{
	return (size_t)(p - im->base) <= SLAB_SIZE - bytes &&
	       slab_object(im->slot, p) == p;
}

static void follow_list(struct image *im, const struct slab *s)
{
	size_t bytes = class_bytes[READ_ONCE(im->slot->class)];
	char *p = __atomic_load_n((char **)&s->freelist, __ATOMIC_ACQUIRE);
	char *at, *next;

	for (unsigned n = 0; n < READ_ONCE(s->capacity); n++, p = next) {
		if (!p || !is_object(im, p, bytes) || !(at = lookup(im, p)))
			break;
		next = *(char **)at;
		if (!lookup(im, p))
			break;
		clear(im, p + LINK, p + bytes);
	}
}

size_t clear_slab(uint64_t first, size_t most)
{
	uintptr_t addr = stages[first].addr;
	struct image im = { .base = (char *)align_down(addr, SLAB_SIZE) };
	struct mapping *m = map_find(NULL, addr);
	const struct slab *s = NULL;
	size_t nr = 0;

	if (m && m->kind == MAPPING_WINDOW && slab_trust_chains &&
	    !slab_check) {
		im.slot = slot_at(mapping_window(m), im.base);
		s = slab_of(mapping_window(m), im.base);
	}
	for (; s && nr < most; nr++) {
		const char *p = (char *)stages[first + nr].addr;
		pte_t v;

		if (p && (size_t)(p - im.base) >= SLAB_SIZE)
			break;
		if (stage_pack(first + nr, &v))
			*stage_of(&im, p) = first + nr + 1;
	}
	if (nr)
		follow_list(&im, s);
	return nr;
}
