// SPDX-License-Identifier: MIT
/*
 * swap/swap.c - the store as others see it: store, load, free, balance, fork
 *
 * swapd alone appends, so what log_room() said holds until it appends, also
 * without store_lock; other threads only free. What takes long, coding and
 * writing, is done without the lock, to a cluster that is held: it may lose
 * its last entry meanwhile, but stays.
 *
 * A forked child sees store_lock free and a store in order: at most there is a
 * held cluster, and one of the file that is on its way to being free.
 */
#include <errno.h>
#include <string.h>
#include "os/os.h"
#include "swap/store.h"

#define MOST_BYTES (PAGE_SIZE * 3 / 4) /* what shrinks less stays out */
#define SETTLE_MS  10000	       /* closed for so long: recode */
#define GATHER_MS  10
#define SLACK	   (16 * CLUSTER_BYTES) /* of the file, not worth the work */
#define MAX_SLOTS  (1UL << 31)
#define SLOT_PER   64 /* bytes of the store: few pages shrink to less */

struct mm_lock store_lock = LOCK(STORE), reloc_lock = LOCK(RELOC);
struct swap_config swap_config;
struct swap_counts swap_now;
const struct swap_core swap_core = { &slot_words, &pool_clusters,
				     &pool_frames };

int swap_init(const struct swap_config *config)
{
	swap_config = *config;
	if (config->dir && !*config->dir)
		swap_config.dir = NULL;
	swap_now.pool_max = config->pool_max;
	swap_now.file_max = config->file_max;
	file_init();
	if (pool_init())
		return -ENOMEM;
	return slots_init(min_size(config->pool_max / SLOT_PER +
					   config->file_max / SLOT_PER +
					   KIB(64),
				   MAX_SLOTS));
}

swp_t swap_filled(uint32_t pattern)
{
	return SWP_FILLED | pattern;
}

/* ---- free ---- */

static void free_slot(uint32_t slot)
{
	uint64_t word = slot_word(slot);

	if (unlikely(!(word & WORD_LIVE)))
		bug("swap: slot %u is freed, but not in use", slot);
	slot_put(slot);
	entry_drop(word);
}

void swap_free(swp_t swp)
{
	if (swp & SWP_FILLED)
		return;
	lock_acquire(&store_lock);
	free_slot((uint32_t)swp);
	lock_release(&store_lock);
}

void swap_free_later(swp_t swp)
{
	if (!(swp & SWP_FILLED))
		slot_push_later((uint32_t)swp);
}

/* A child has the rest of them as well, at whichever of them the copy is made.
 */
static void free_what_was_left(void)
{
	static uint32_t left;
	uint32_t slot;

	do {
		lock_acquire(&store_lock);
		slot = left ? left : slots_take_later();
		if (slot) {
			left = slot_next_later(slot);
			free_slot(slot);
		}
		lock_release(&store_lock);
	} while (slot);
}

/* ---- from the pool to the file ---- */

static struct cluster *hold(struct cluster *cl)
{
	held = cl;
	return cl;
}

/* Under store_lock. Whether the cluster still has entries. */
static bool unhold(struct cluster *cl)
{
	held = NULL;
	if (cl->nr)
		return true;
	cluster_retire(cl);
	return false;
}

/* What went through zstd is older than all that did not. */
static struct cluster *hold_oldest(void)
{
	struct cluster *cl;

	lock_acquire(&store_lock);
	cl = pool_oldest(LOG_OLD);
	cl = hold(cl ? cl : pool_oldest(LOG_NEW));
	lock_release(&store_lock);
	return cl;
}

bool swap_spill(struct swap_coder *c)
{
	struct cluster *cl;
	uint32_t place = 0;
	uint64_t nonce = 0;
	bool claimed, moved;
	int err;

	if (!file_is_usable())
		return false;
	cl = hold_oldest();
	if (!cl)
		return false;
	err = file_claim(&place);
	claimed = !err;
	if (claimed) {
		disk_begin();
		err = file_write(c, place, cluster_memory(cl), cl->used,
				 &nonce);
		disk_end();
	}
	lock_acquire(&store_lock);
	moved = unhold(cl) && !err;
	if (moved)
		pool_moved(cl, place, nonce);
	lock_release(&store_lock);
	if (claimed && !moved)
		file_release(place);
	if (err)
		file_failed(err);
	return !err;
}

/* ---- load ---- */

/*
 * Bring the coded bytes to c->entry, wherever they are; -ESTALE if they have
 * moved. Releases reloc_lock.
 */
static int fetch(struct swap_coder *c, uint32_t slot, uint64_t word, bool wait)
{
	size_t offset = word_offset(word);
	size_t bytes = sizeof(struct entry) + word_bytes(word);
	const struct cluster *cl = cluster_at(word_cluster(word));
	uint64_t nonce = cl->nonce;
	uint32_t place = cl->place;
	enum where where = cl->where;
	int err;

	if (where == IN_POOL)
		memcpy(c->entry, cluster_memory(cl) + offset, bytes);
	lock_release(&reloc_lock);
	if (where == LOST)
		return -EIO;
	if (where == IN_POOL)
		return 0;
	err = file_read(place, nonce, offset, c->entry, bytes, wait);
	/* swapd may have given the place away meanwhile */
	lock_acquire(&reloc_lock);
	if (slot_word(slot) != word || cl->where != where || cl->nonce != nonce)
		err = -ESTALE;
	lock_release(&reloc_lock);
	return err;
}

int swap_load(struct swap_coder *c, swp_t swp, void *page, bool wait)
{
	const struct entry *e = c->entry;
	uint64_t word;
	int err;

	if (swp & SWP_FILLED) {
		page_fill(page, (uint32_t)swp);
		return 0;
	}
	do {
		lock_acquire(&reloc_lock);
		word = slot_word((uint32_t)swp);
		if (!(word & WORD_LIVE)) {
			lock_release(&reloc_lock);
			return -EBADMSG;
		}
		err = fetch(c, (uint32_t)swp, word, wait);
	} while (err == -ESTALE);
	if (err)
		return err;
	if (e->slot != (uint32_t)swp || e->bytes != word_bytes(word) ||
	    e->codec != word_codec(word))
		return -EBADMSG;
	return entry_decode(c, e, page);
}

/* ---- recode, gather ---- */

/*
 * The entry at its place in a held cluster, to the end of LOG_OLD; smaller if
 * zstd can do it and has not tried. False if there is no room.
 */
static bool recode_entry(struct swap_coder *c, struct cluster *cl, size_t at,
			 const struct entry *e)
{
	uint64_t word = word_of(cluster_nr(cl), at, e);
	uint32_t slot = e->slot;
	size_t most = e->bytes - e->bytes / 8U;
	bool ok;

	if (cl->log == LOG_OLD || entry_decode(c, e, c->plain) ||
	    !entry_code_zstd(c, c->plain, most, ZSTD_SETTLED))
		memcpy(c->entry, e, sizeof(*e) + e->bytes);
	lock_acquire(&store_lock);
	ok = log_room(LOG_OLD, entry_size(c->entry->bytes), true);
	if (ok && slot_word(slot) == word) {
		log_append(LOG_OLD, slot, c->entry);
		entry_drop(word);
	}
	lock_release(&store_lock);
	return ok;
}

/*
 * The live ones of the entries in @bytes, those of a held cluster from *@at on.
 * *@at goes on to the first that is not whole; false without room.
 */
static bool recode_entries(struct swap_coder *c, struct cluster *cl, size_t *at,
			   const void *bytes, size_t len)
{
	const char *next = bytes, *end = next + len;
	const struct entry *e;

	for (; (e = entry_in(next, (size_t)(end - next)));
	     next += entry_size(e->bytes), *at += entry_size(e->bytes))
		if (entry_is_live(cl, *at, e) && !recode_entry(c, cl, *at, e))
			return false;
	return true;
}

static struct cluster *hold_settled(void)
{
	struct cluster *cl;

	lock_acquire(&store_lock);
	cl = pool_oldest(LOG_NEW);
	if (cl && os_clock_ms() - cl->closed_ms < SETTLE_MS)
		cl = NULL;
	hold(cl);
	lock_release(&store_lock);
	return cl;
}

static bool recode(struct swap_coder *c)
{
	struct cluster *cl = hold_settled();
	size_t at = 0;
	bool done;

	if (!cl)
		return false;
	done = recode_entries(c, cl, &at, cluster_memory(cl), cl->used);
	lock_acquire(&store_lock);
	if (unhold(cl) && done)
		pool_passed(cl); /* a broken header: no second time */
	lock_release(&store_lock);
	return done;
}

/* One of the file that nobody needs; the next one is another call's. */
static bool release_dead(void)
{
	struct cluster *cl = NULL;
	uint32_t place = 0;

	lock_acquire(&store_lock);
	if (!list_empty(&dead)) {
		cl = list_entry(dead.next, struct cluster, age);
		place = cl->place;
		cluster_put(cl);
		count(&swap_now.file_bytes, -CLUSTER_BYTES);
	}
	lock_release(&store_lock);
	if (cl)
		file_release(place);
	return cl;
}

/*
 * The file is gathered when half of it is dead, a cluster now and then; when it
 * is almost as large as it may be, from a quarter on and as fast as it goes.
 */
static struct cluster *hold_sparse(void)
{
	static uint64_t next_ms;
	struct cluster *cl = NULL;
	size_t all, live, worth = SIZE_MAX;

	lock_acquire(&store_lock);
	all = swap_now.file_bytes;
	live = min_size(swap_now.coded_bytes - swap_now.pool_live, all);
	if (all + all / 8 + SLACK > swap_config.file_max)
		worth = all / 4;
	else if (all > SLACK && os_clock_ms() >= next_ms)
		worth = all / 2;
	if (all - live > worth && file_is_usable())
		cl = cluster_emptiest(IN_FILE);
	/* others may be dead that cannot be read */
	if (cl && cl->live > CLUSTER_BYTES / 4 * 3)
		cl = NULL;
	if (cl)
		next_ms = os_clock_ms() + GATHER_MS;
	hold(cl);
	lock_release(&store_lock);
	return cl;
}

/* What is left of a cluster of the file, back into the pool. */
static bool gather(struct swap_coder *c)
{
	struct cluster *cl = hold_sparse();
	bool room = true;

	if (!cl)
		return false;
	for (size_t at = 0, from; room && at < cl->used;) {
		size_t len = min_size(cl->used - at, CHUNK_BYTES);
		int err;

		from = at;
		disk_begin();
		err = file_read(cl->place, cl->nonce, at, c->chunk, len, true);
		disk_end();
		if (err)
			break;
		room = recode_entries(c, cl, &at, c->chunk, len);
		if (at == from)
			break;
	}
	lock_acquire(&store_lock);
	if (unhold(cl) && room)
		list_del_init(&cl->fill); /* not readable: no second time */
	lock_release(&store_lock);
	release_dead();
	return room;
}

/* ---- store, balance ---- */

static bool log_room_locked(enum log log, size_t size, bool spare)
{
	bool ok;

	lock_acquire(&store_lock);
	ok = log_room(log, size, spare);
	lock_release(&store_lock);
	return ok;
}

static bool pack(void)
{
	bool more;

	lock_acquire(&store_lock);
	more = pool_pack();
	lock_release(&store_lock);
	return more;
}

/* Make the pool smaller, or what is in the way of that. */
static bool ease(struct swap_coder *c)
{
	return pack() || gather(c) || swap_spill(c);
}

void swap_ease(struct swap_coder *c)
{
	while (pool_is_over() && ease(c))
		;
}

static int code(struct swap_coder *c, const void *page, unsigned how)
{
	if (how & SWAP_QUICKLY
		    ? entry_code_lz4(c, page, MOST_BYTES)
		    : entry_code_zstd(c, page, MOST_BYTES, ZSTD_FIRST))
		return 0;
	if (!(how & SWAP_ALWAYS))
		return -E2BIG;
	entry_code_raw(c, page);
	return 0;
}

int swap_store(struct swap_coder *c, const void *page, unsigned how, swp_t *swp)
{
	uint32_t pattern, slot;
	int err;

	if (page_is_filled(page, &pattern)) {
		*swp = swap_filled(pattern);
		return 0;
	}
	err = code(c, page, how);
	while (!err &&
	       !log_room_locked(LOG_NEW, entry_size(c->entry->bytes), false))
		/* which may use the coder */
		err = ease(c) ? code(c, page, how) : -ENOSPC;
	if (err)
		return err;
	lock_acquire(&store_lock);
	slot = slot_get();
	if (slot)
		log_append(LOG_NEW, slot, c->entry);
	lock_release(&store_lock);
	*swp = slot;
	return slot ? 0 : -ENOSPC;
}

bool swap_balance(struct swap_coder *c, bool idle)
{
	bool more;

	free_what_was_left();
	file_sweep();
	more = release_dead();
	more |= pack();
	more |= gather(c) || (pool_is_over() && swap_spill(c));
	if (idle)
		more |= recode(c);
	return more;
}

bool swap_room(void)
{
	return !pool_is_over() || file_is_usable();
}

/* ---- figures ---- */

void swap_counts(struct swap_counts *counts)
{
	const size_t *from = (const size_t *)&swap_now;
	size_t *to = (size_t *)counts;

	for (size_t i = 0; i < sizeof(*counts) / sizeof(*to); i++)
		to[i] = READ_ONCE(from[i]);
}

void swap_empty(void)
{
	if (pool_frames.committed)
		os_purge(pool_frames.base, pool_frames.committed);
	swap_now = (struct swap_counts){
		.spilled = swap_now.spilled,
		.packed = swap_now.packed,
		.errors = swap_now.errors,
		.pool_max = swap_now.pool_max,
		.file_max = swap_now.file_max,
	};
}

size_t swap_pool_bytes(void)
{
	return READ_ONCE(swap_now.pool_bytes);
}

/* ---- fork ---- */

static void lose_file(void)
{
	struct cluster *cl;

	while (!list_empty(&in_file)) {
		cl = list_entry(in_file.next, struct cluster, age);
		list_del_init(&cl->age);
		list_del_init(&cl->fill);
		cl->where = LOST;
		count(&swap_now.file_bytes, -CLUSTER_BYTES);
	}
}

void swap_fork(enum fork_step step)
{
	struct cluster *cl;

	lock_fork(&store_lock, step);
	if (step != FORK_CHILD)
		return;
	lock_init(&reloc_lock);
	/* the parent frees those, and the child has no bits there */
	while (!list_empty(&dead)) {
		cl = list_entry(dead.next, struct cluster, age);
		cluster_put(cl);
		count(&swap_now.file_bytes, -CLUSTER_BYTES);
	}
	if (!file_fork_child())
		lose_file();
	if (held)
		unhold(held);
}
