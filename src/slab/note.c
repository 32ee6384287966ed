// SPDX-License-Identifier: MIT
/*
 * slab/note.c - objects freed while their page is swapped out
 *
 * To link such an object into the freelist would bring its page back. It is
 * noted instead: a bit in a map that the slab has as long as there are some.
 * They are linked when the slab is allocated from again; if all the others are
 * freed first, the slab goes back and nothing of it was ever touched.
 *
 * swapd marks the owner word of a slab whose pages it takes out, which keeps
 * frees off the fast path; the first free that finds all of them there takes
 * the mark away. Where a page is at the moment only steers: a note is as good
 * as a link.
 *
 * The maps have 2^n words each and are reused as such; swapd never takes them.
 */
#include <string.h>
#include "map/swapmap.h"
#include "slab/slab.h"

#define WORD_BITS 64U
#define NR_SIZES  7 /* a slab has up to 4096 objects */

static_assert(SLAB_SIZE / FINE_STEP <= WORD_BITS << (NR_SIZES - 1),
	      "the largest map has a bit for each");

static struct mm_lock note_lock = LOCK(NOTE);
static uint64_t *unused[NR_SIZES]; /* lists, through their first words */

/* ---- maps ---- */

static size_t nr_words(const struct slab *s)
{
	return (s->capacity + WORD_BITS - 1) / WORD_BITS;
}

static uint64_t *map_get(const struct slab *s)
{
	unsigned order = order_up(nr_words(s));
	uint64_t *map;

	lock_acquire(&note_lock);
	map = unused[order];
	if (map)
		unused[order] = *(uint64_t **)map;
	lock_release(&note_lock);
	if (!map)
		map = memblock_alloc(sizeof(*map) << order, sizeof(*map));
	return map ? memset(map, 0, sizeof(*map) << order) : NULL;
}

void __slab_forget_notes(struct slab *s)
{
	unsigned order = order_up(nr_words(s));

	lock_acquire(&note_lock);
	*(uint64_t **)s->notes = unused[order];
	unused[order] = s->notes;
	lock_release(&note_lock);
	s->notes = NULL;
}

uint32_t slab_nr_notes(const struct slab *s)
{
	uint32_t n = 0;

	for (size_t i = 0; s->notes && i < nr_words(s); i++)
		n += (uint32_t)__builtin_popcountl(s->notes[i]);
	return n;
}

/* ---- the mark ---- */

void slab_mark_out(const void *p)
{
	struct window *w = map_window(NULL, (uintptr_t)p);
	struct slot *slot = w ? &w->slots[slab_nr(w, p)] : NULL;
	uint32_t owner = slot ? READ_ONCE(slot->owner) : OWNER_NONE;

	/* who changes the owner may lose the mark, and nothing else */
	if (owner != OWNER_NONE && !(owner & OWNER_OUT))
		__atomic_compare_exchange_n(&slot->owner, &owner,
					    owner | OWNER_OUT, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static bool is_out(const pte_t *pte)
{
	unsigned state = pte_state(pte_read(pte));

	return state > PTE_PINNED && state != PTE_FILLING;
}

static void unmark_if_all_there(const struct slab *s, const struct heap *h)
{
	const pte_t *pte = pfn_to_pte(s->pfn);

	for (size_t i = 0; i < SLAB_PAGES; i++)
		if (is_out(&pte[i]))
			return;
	WRITE_ONCE(slot_of(s)->owner, h->id);
}

/* ---- notes ---- */

bool __slab_note(struct heap *h, struct slab *s, const void *p)
{
	size_t page = ((uintptr_t)p & (SLAB_SIZE - 1)) >> PAGE_SHIFT;
	uint32_t off = (uint32_t)((const char *)p - s->base);
	uint32_t i = (uint32_t)((uint64_t)off * class_magic[s->class] >> 32);
	uint64_t bit = 1UL << i % WORD_BITS;

	if (!is_out(pfn_to_pte(s->pfn) + page)) {
		unmark_if_all_there(s, h);
		return false;
	}
	/* what is allocated from is about to be touched anyway */
	if (s->state == SLAB_ACTIVE || slab_check)
		return false;
	if (!slab_inuse(s))
		double_free(s, p);
	if (!s->notes && !(s->notes = map_get(s)))
		return false;
	if (s->notes[i / WORD_BITS] & bit)
		double_free(s, p);
	s->notes[i / WORD_BITS] |= bit;
	counter_add(&h->stats, STAT_slab_note, 1);
	return true;
}

/* Upwards, so that the pages come in order. */
void __slab_link_notes(struct slab *s)
{
	size_t bytes = class_bytes[s->class];
	void *head = s->freelist, **link = &head;

	for (size_t i = 0; i < nr_words(s); i++)
		for (uint64_t map = s->notes[i]; map; map &= map - 1) {
			size_t bit = (size_t)__builtin_ctzl(map);
			char *p = s->base + (i * WORD_BITS + bit) * bytes;

			*(void **)p = s->freelist;
			*link = p;
			link = (void **)p;
		}
	/* pairs with swapd, which follows it */
	smp_store_release(&s->freelist, head);
	__slab_forget_notes(s);
}

/* ---- fork ---- */

void note_fork(enum fork_step step)
{
	lock_fork(&note_lock, step);
}
