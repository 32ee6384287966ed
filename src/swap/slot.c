// SPDX-License-Identifier: MIT
/*
 * swap/slot.c - the words of the slots
 *
 * Owns two tables by slot number: the words, and what links the slots left for
 * later. They are apart, so that the word of such a slot is still true for who
 * packs the cluster meanwhile.
 *
 * Slots 1 .. grown-1 have been handed out; those free again are a list through
 * their words. slots_later is a stack: any thread pushes, only swapd takes, and
 * it takes all, so there is no ABA.
 */
#include <errno.h>
#include "os/os.h"
#include "swap/store.h"

#define TABLE_STEP KIB(64)

struct table slot_words;
static struct table laters;
static uint32_t grown = 1, max_slots;
static uint32_t free_slot;
static uint32_t slots_later;

int table_reserve(struct table *t, size_t size, size_t least, size_t step)
{
	step = max_size(step, os_page_size());
	size = align_up(size, step);
	t->base = os_reserve_part(&size, least, step);
	if (!t->base)
		return -ENOMEM;
	t->size = size;
	t->committed = 0;
	t->step = step;
	return 0;
}

bool table_reach(struct table *t, size_t end)
{
	size_t upto = align_up(end, t->step);

	if (likely(end <= t->committed))
		return true;
	if (upto > t->size ||
	    os_commit(t->base + t->committed, upto - t->committed))
		return false;
	t->committed = upto;
	return true;
}

static uint64_t *word_at(uint32_t slot)
{
	return (uint64_t *)slot_words.base + slot;
}

static uint32_t *later_at(uint32_t slot)
{
	return (uint32_t *)laters.base + slot;
}

int slots_init(size_t max)
{
	if (table_reserve(&slot_words, max * sizeof(uint64_t), MIB(1),
			  TABLE_STEP))
		return -ENOMEM;
	max = slot_words.size / sizeof(uint64_t);
	if (table_reserve(&laters, max * sizeof(uint32_t), 0, TABLE_STEP))
		return -ENOMEM;
	max_slots = (uint32_t)min_size(max, laters.size / sizeof(uint32_t));
	return 0;
}

uint32_t slot_get(void)
{
	uint32_t slot = free_slot;

	if (slot) {
		free_slot = (uint32_t)*word_at(slot);
		return slot;
	}
	slot = grown;
	if (slot >= max_slots ||
	    !table_reach(&slot_words, (slot + 1UL) * sizeof(uint64_t)) ||
	    !table_reach(&laters, (slot + 1UL) * sizeof(uint32_t)))
		return 0;
	/* pairs with the acquire in slot_word() */
	smp_store_release(&grown, slot + 1);
	return slot;
}

void slot_put(uint32_t slot)
{
	WRITE_ONCE(*word_at(slot), free_slot);
	free_slot = slot;
}

uint64_t slot_word(uint32_t slot)
{
	if (!slot || slot >= smp_load_acquire(&grown))
		return 0;
	return READ_ONCE(*word_at(slot));
}

void slot_set(uint32_t slot, uint64_t word)
{
	WRITE_ONCE(*word_at(slot), word);
}

void slot_push_later(uint32_t slot)
{
	uint32_t first = READ_ONCE(slots_later);

	do
		*later_at(slot) = first;
	/* pairs with the acquire in slots_take_later() */
	while (!__atomic_compare_exchange_n(&slots_later, &first, slot, true,
					    __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

uint32_t slots_take_later(void)
{
	if (!READ_ONCE(slots_later))
		return 0;
	return __atomic_exchange_n(&slots_later, 0, __ATOMIC_ACQUIRE);
}

uint32_t slot_next_later(uint32_t slot)
{
	return *later_at(slot);
}
