// SPDX-License-Identifier: MIT
/*
 * slab/validate.c - do the invariants of slabs and heaps hold?
 */
#include "slab/slab.h"

/* Objects of a chain, each of which must be a carved one of the slab. */
static uint32_t chain_length(const struct slab *s, const void *p)
{
	size_t bytes = class_bytes[s->class];
	uint32_t n = 0;

	for (; p; p = *(void *const *)p, n++) {
		size_t off = (size_t)((const char *)p - s->base);

		BUG_ON(off >= s->carved * bytes || off % bytes);
		BUG_ON(n == s->carved);
	}
	return n;
}

__cold void validate_slab(const struct slab *s)
{
	int32_t inuse = slab_inuse(s);

	BUG_ON(slot_owner(slot_of(s)) == OWNER_NONE ||
	       slot_of(s)->class != s->class);
	BUG_ON(s->capacity != SLAB_SIZE / class_bytes[s->class]);
	BUG_ON(s->carved > s->capacity);
	BUG_ON(s->state != SLAB_FULL &&
	       s->bias != (s->state == SLAB_ACTIVE ? -1 : 0));
	BUG_ON(inuse < 0 || inuse > s->carved);
	BUG_ON(s->state == SLAB_ACTIVE && s->notes);
	BUG_ON(chain_length(s, s->freelist) + slab_nr_notes(s) !=
	       (uint32_t)(s->carved - inuse));
}

static void validate_active(const struct heap *h, const struct slab *s)
{
	BUG_ON(s->state != SLAB_ACTIVE || slot_owner(slot_of(s)) != h->id);
	validate_slab(s);
}

static void validate_list(struct heap *h, unsigned list)
{
	const void *p = *slab_list(h, list);
	const struct slab *s = p ? slab_at(p) : NULL;

	if (!p)
		return;
	BUG_ON(!s || s->class != list_class(list));
	/* what is in the thread's list counts as in use */
	BUG_ON(chain_length(s, p) > (uint32_t)slab_inuse(s));
}

static void validate_partial(const struct heap *h, const struct slab *s)
{
	const struct slab *prev = NULL;

	for (; s; prev = s, s = s->next) {
		BUG_ON(s->state != SLAB_PARTIAL ||
		       slot_owner(slot_of(s)) != h->id);
		BUG_ON(s->prev != prev || !s->credits);
		validate_slab(s);
	}
}

__cold void validate_heap(struct heap *h)
{
	lock_acquire(&h->lock);
	BUG_ON(heap_by_id(h->id) != h);
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		if (h->active[c])
			validate_active(h, h->active[c]);
		validate_partial(h, h->partial[c]);
	}
	for (unsigned list = 1; list < NR_LISTS; list++)
		validate_list(h, list);
	lock_release(&h->lock);
}
