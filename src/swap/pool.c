// SPDX-License-Identifier: MIT
/*
 * swap/pool.c - clusters, the frames of the pool, logs, packing
 *
 * Owns the descriptors of clusters and the memory of the pool, one range of
 * address space in which a frame is arithmetic. A frame that is free has no
 * memory behind it.
 *
 * Dead bytes of the pool are what closed clusters have beyond their live bytes.
 * Closed clusters are on two lists: of their log or of the file by age, and of
 * those that are about as full, so that the emptiest is found at once.
 *
 * A frame is released when no word leads to it. A load copies under reloc_lock
 * and every word changes under it, so nobody reads there any more.
 */
#include <errno.h>
#include <string.h>
#include "os/os.h"
#include "swap/store.h"

#define SPARE_FRAMES 4 /* beyond the bound, for entries that move */
#define LEAST_FRAMES 4
#define WARM_FRAMES  2	/* free ones that keep their memory, at most */
#define WARM_SHARE   32 /* of those in use, likewise */
#define FILL_SHIFT   14
#define NR_FILLS     ((CLUSTER_BYTES >> FILL_SHIFT) + 1)
#define DEAD_SHARE   10 /* pack from this part of the pool on */

struct table pool_clusters, pool_frames;
static struct table free_frames;
static size_t clusters_grown, frames_grown, nr_free_frames;
static size_t nr_warm; /* the last ones of free_frames; counted in pool_bytes */
static struct list_head free_clusters;
static struct list_head by_age[NR_LOGS], by_fill[LOST][NR_FILLS];
static struct cluster *head[NR_LOGS];
static size_t bound, nr_frames, used_frames; /* in clusters */
static size_t nr_closed, closed_live;	     /* in the pool */

struct cluster *held;
struct list_head in_file, dead;

int pool_init(void)
{
	size_t files = swap_config.file_max / CLUSTER_BYTES;

	list_init(&free_clusters);
	list_init(&in_file);
	list_init(&dead);
	for (size_t i = 0; i < NR_LOGS; i++)
		list_init(&by_age[i]);
	for (size_t i = 0; i < NR_FILLS; i++) {
		list_init(&by_fill[IN_POOL][i]);
		list_init(&by_fill[IN_FILE][i]);
	}
	bound = max_size(swap_config.pool_max / CLUSTER_BYTES, LEAST_FRAMES);
	bound = min_size(bound, MAX_CLUSTERS / 2);
	nr_frames = bound + SPARE_FRAMES;
	if (table_reserve(&pool_frames, nr_frames * CLUSTER_BYTES,
			  (LEAST_FRAMES + SPARE_FRAMES) * CLUSTER_BYTES,
			  CLUSTER_BYTES))
		return -ENOMEM;
	nr_frames = pool_frames.size / CLUSTER_BYTES;
	bound = nr_frames - SPARE_FRAMES;
	files = min_size(files, MAX_CLUSTERS - nr_frames);
	if (table_reserve(&free_frames, nr_frames * sizeof(uint32_t), 0, 4096))
		return -ENOMEM;
	return table_reserve(&pool_clusters,
			     (nr_frames + files) * sizeof(struct cluster),
			     nr_frames * sizeof(struct cluster), 4096);
}

void swap_bound_pool(size_t bytes)
{
	bound = max_size(bytes / CLUSTER_BYTES, LEAST_FRAMES);
	bound = min_size(bound, nr_frames - SPARE_FRAMES);
}

/* ---- descriptors ---- */

struct cluster *cluster_at(size_t nr)
{
	return (struct cluster *)pool_clusters.base + nr;
}

size_t cluster_nr(const struct cluster *cl)
{
	return (size_t)(cl - (struct cluster *)pool_clusters.base);
}

char *cluster_memory(const struct cluster *cl)
{
	return pool_frames.base + cl->place * CLUSTER_BYTES;
}

static struct cluster *cluster_get(void)
{
	struct cluster *cl;

	if (!list_empty(&free_clusters)) {
		cl = list_entry(free_clusters.next, struct cluster, age);
		list_del_init(&cl->age);
		return cl;
	}
	if (!table_reach(&pool_clusters, (clusters_grown + 1) * sizeof(*cl)))
		return NULL;
	cl = cluster_at(clusters_grown++);
	list_init(&cl->age);
	list_init(&cl->fill);
	return cl;
}

void cluster_put(struct cluster *cl)
{
	list_del_init(&cl->age);
	list_add(&cl->age, &free_clusters);
}

/* ---- frames ---- */

static uint32_t *free_frame(size_t i)
{
	return (uint32_t *)free_frames.base + i;
}

/*
 * Clusters die as fast as others are filled: a free frame or two keep their
 * memory for the next (bench/swap: uniform 1.1 times as fast).
 */
static void cool_frames(void)
{
	while (nr_warm > min_size(WARM_FRAMES, used_frames / WARM_SHARE)) {
		uint32_t frame = *free_frame(nr_free_frames - nr_warm--);

		os_purge(pool_frames.base + frame * CLUSTER_BYTES,
			 CLUSTER_BYTES);
		count(&swap_now.pool_bytes, -CLUSTER_BYTES);
	}
}

static bool frame_get(uint32_t *frame)
{
	if (nr_free_frames)
		*frame = *free_frame(--nr_free_frames);
	else if (frames_grown < nr_frames &&
		 table_reach(&pool_frames,
			     (frames_grown + 1) * CLUSTER_BYTES) &&
		 table_reach(&free_frames,
			     (frames_grown + 1) * sizeof(uint32_t)))
		*frame = (uint32_t)frames_grown++;
	else
		return false;
	WRITE_ONCE(used_frames, used_frames + 1);
	if (nr_warm)
		nr_warm--;
	else
		count(&swap_now.pool_bytes, CLUSTER_BYTES);
	return true;
}

static void frame_put(uint32_t frame)
{
	*free_frame(nr_free_frames++) = frame;
	nr_warm++;
	WRITE_ONCE(used_frames, used_frames - 1);
	cool_frames();
}

/* What cannot go to the file is better here than not to leave at all. */
bool pool_is_over(void)
{
	size_t most = file_is_usable() ? bound : nr_frames - SPARE_FRAMES;

	return READ_ONCE(used_frames) >= most;
}

/* ---- closed clusters ---- */

static void enter_fill(struct cluster *cl)
{
	list_add_tail(&cl->fill, &by_fill[cl->where][cl->live >> FILL_SHIFT]);
}

static void leave_closed(struct cluster *cl)
{
	list_del_init(&cl->age);
	list_del_init(&cl->fill);
	nr_closed--;
	closed_live -= cl->live;
}

void cluster_retire(struct cluster *cl)
{
	if (cl->where == IN_FILE) {
		/* only swapd has the file */
		list_del_init(&cl->fill);
		list_del_init(&cl->age);
		list_add_tail(&cl->age, &dead);
		return;
	}
	if (cl->where == IN_POOL) {
		leave_closed(cl);
		frame_put(cl->place);
	}
	cluster_put(cl);
}

static void close_cluster(struct cluster *cl)
{
	cl->open = false;
	cl->closed_ms = os_clock_ms();
	list_add_tail(&cl->age, &by_age[cl->log]);
	enter_fill(cl);
	nr_closed++;
	closed_live += cl->live;
	if (!cl->nr)
		cluster_retire(cl);
}

struct cluster *pool_oldest(enum log log)
{
	if (list_empty(&by_age[log]))
		return NULL;
	return list_entry(by_age[log].next, struct cluster, age);
}

void pool_passed(struct cluster *cl)
{
	cl->log = LOG_OLD;
	list_del_init(&cl->age);
	list_add_tail(&cl->age, &by_age[LOG_OLD]);
}

/* ---- entries ---- */

/* Add an entry to the books of its cluster, or with -1 take it out. */
static void book(struct cluster *cl, uint64_t word, long sign)
{
	long size = sign * (long)entry_size(word_bytes(word));

	cl->nr = (uint16_t)(cl->nr + sign);
	cl->live += (uint32_t)size;
	count(&swap_now.pages, sign);
	count(&swap_now.coded_bytes, size);
	if (word_codec(word) == CODEC_ZSTD)
		count(&swap_now.zstd_pages, sign);
	if (cl->where == IN_POOL) {
		count(&swap_now.pool_pages, sign);
		count(&swap_now.pool_live, size);
	} else {
		count(&swap_now.file_pages, sign);
	}
}

void entry_drop(uint64_t word)
{
	struct cluster *cl = cluster_at(word_cluster(word));
	uint32_t before = cl->live;

	book(cl, word, -1);
	if (cl->open)
		return;
	if (cl->where == IN_POOL)
		closed_live -= before - cl->live;
	if (cl->live >> FILL_SHIFT != before >> FILL_SHIFT &&
	    !list_empty(&cl->fill)) {
		list_del_init(&cl->fill);
		enter_fill(cl);
	}
	if (!cl->nr && cl != held)
		cluster_retire(cl);
}

static bool open_cluster(enum log log)
{
	struct cluster *cl = cluster_get();

	if (!cl)
		return false;
	if (!frame_get(&cl->place)) {
		cluster_put(cl);
		return false;
	}
	cl->where = IN_POOL;
	cl->log = (uint8_t)log;
	cl->open = true;
	cl->used = cl->live = cl->nr = 0;
	head[log] = cl;
	return true;
}

bool log_room(enum log log, size_t size, bool spare)
{
	struct cluster *cl = head[log];

	if (cl && cl->used + size <= CLUSTER_BYTES)
		return true;
	if (!spare && pool_is_over())
		return false;
	if (cl) {
		head[log] = NULL;
		close_cluster(cl);
	}
	return open_cluster(log);
}

void log_append(enum log log, uint32_t slot, const struct entry *e)
{
	struct cluster *cl = head[log];
	struct entry *to = (struct entry *)(cluster_memory(cl) + cl->used);
	uint64_t word = word_of(cluster_nr(cl), cl->used, e);

	memcpy(to, e, sizeof(*e) + e->bytes);
	to->slot = slot;
	cl->used += (uint32_t)entry_size(e->bytes);
	book(cl, word, 1);
	lock_acquire(&reloc_lock);
	slot_set(slot, word);
	lock_release(&reloc_lock);
}

const struct entry *entry_in(const char *bytes, size_t left)
{
	const struct entry *e = (const struct entry *)bytes;

	if (left < sizeof(*e) || !e->bytes || e->bytes > PAGE_SIZE ||
	    e->codec > CODEC_ZSTD || entry_size(e->bytes) > left)
		return NULL;
	return e;
}

bool entry_is_live(const struct cluster *cl, size_t offset,
		   const struct entry *e)
{
	return slot_word(e->slot) == word_of(cluster_nr(cl), offset, e);
}

/* ---- packing ---- */

struct cluster *cluster_emptiest(enum where where)
{
	for (size_t i = 0; i < NR_FILLS; i++)
		if (!list_empty(&by_fill[where][i]))
			return list_entry(by_fill[where][i].next,
					  struct cluster, fill);
	return NULL;
}

/* Move all live entries on; false if there was no room for one. */
static bool empty_cluster(struct cluster *cl)
{
	const char *memory = cluster_memory(cl);
	const struct entry *e;

	for (size_t at = 0; (e = entry_in(memory + at, cl->used - at));
	     at += entry_size(e->bytes)) {
		uint64_t word = word_of(cluster_nr(cl), at, e);

		if (slot_word(e->slot) != word)
			continue;
		if (!log_room(cl->log, entry_size(e->bytes), true))
			return false;
		log_append(cl->log, e->slot, e);
		count(&swap_now.packed, 1);
		entry_drop(word);
	}
	return true;
}

static bool too_dead(size_t live, size_t all)
{
	return (all - live) * DEAD_SHARE > all;
}

bool pool_pack(void)
{
	struct cluster *cl = cluster_emptiest(IN_POOL);

	/* the second does not follow if there are clusters left alone */
	if (!cl || !too_dead(closed_live, nr_closed * CLUSTER_BYTES) ||
	    !too_dead(cl->live, CLUSTER_BYTES))
		return false;
	/* it stays until the walk is over */
	held = cl;
	if (empty_cluster(cl) && cl->nr)
		list_del_init(&cl->fill); /* a broken header: leave it alone */
	held = NULL;
	if (cl->nr)
		return false;
	cluster_retire(cl);
	return true;
}

/* ---- to the file ---- */

void pool_moved(struct cluster *cl, uint32_t place, uint64_t nonce)
{
	uint32_t frame = cl->place;

	leave_closed(cl);
	lock_acquire(&reloc_lock);
	cl->where = IN_FILE;
	cl->place = place;
	cl->nonce = nonce;
	lock_release(&reloc_lock);
	list_add_tail(&cl->age, &in_file);
	enter_fill(cl);
	frame_put(frame);
	count(&swap_now.pool_pages, -(long)cl->nr);
	count(&swap_now.pool_live, -(long)cl->live);
	count(&swap_now.file_pages, cl->nr);
	count(&swap_now.file_bytes, CLUSTER_BYTES);
	count(&swap_now.spilled, 1);
}
