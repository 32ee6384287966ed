/* SPDX-License-Identifier: MIT */
/*
 * swap/store.h - what the files of this room share; private to swap/
 *
 * cluster: CLUSTER_BYTES in a frame of the pool, or in the swap file. An open
 *          one is the head of a log, to which entries are appended; a closed
 *          one only loses them.
 * log:     LOG_NEW takes what is stored; LOG_OLD what has been in the pool for
 *          long, or in the file, and went through zstd, whether that made it
 *          smaller or not.
 * frame:   memory for a cluster, by its index in the pool.
 * word:    of a slot. 0.. next free slot, or where the entry is: cluster,
 *          offset, bytes, codec, and WORD_LIVE.
 *
 * An entry is live iff the word of its slot says that it is right there.
 * live <= used <= CLUSTER_BYTES, nr == 0 iff live == 0. A cluster that is
 * closed and empty is given back, except held's: by who finishes with it.
 *
 * Lock order: store_lock, reloc_lock. Words, clusters, frames and counts are
 * written under store_lock; the word of an entry that moves, and the place of a
 * cluster that does, under reloc_lock as well.
 */
#ifndef MM_SWAP_STORE_H
#define MM_SWAP_STORE_H

#include "base/list.h"
#include "os/lock.h"
#include "swap/swap.h"

#define CLUSTER_BYTES KIB(256)
#define SWP_FILLED    (1UL << (SWP_BITS - 1)) /* and a pattern; else a slot */
#define ENTRY_ALIGN   16

extern struct mm_lock store_lock __hidden, reloc_lock __hidden;
extern struct swap_config swap_config __hidden;
extern struct swap_counts swap_now __hidden;

/** count - the only writer of a figure changes it; others read it any time */
static inline void count(size_t *figure, long by)
{
	WRITE_ONCE(*figure, *figure + (size_t)by);
}

/* ---- entries and their coding (codec.c) ---- */

enum codec { CODEC_RAW, CODEC_LZ4, CODEC_ZSTD };

struct entry {
	uint32_t slot;
	uint16_t bytes; /* of data, 1..PAGE_SIZE */
	uint16_t codec;
	uint64_t sum; /* XXH3 of the data */
	unsigned char data[];
};

#define ENTRY_MAX (sizeof(struct entry) + PAGE_SIZE)

/** entry_size - bytes from an entry to the next one */
static inline size_t entry_size(size_t bytes)
{
	return align_up(sizeof(struct entry) + bytes, ENTRY_ALIGN);
}

#define CHUNK_BYTES KIB(32)

struct swap_coder {
	struct entry *entry;  /* ENTRY_MAX */
	unsigned char *plain; /* PAGE_SIZE */
	unsigned char *chunk; /* CHUNK_BYTES of a cluster on their way out */
	void *lz4, *zstd;     /* for coding, or NULL */
	void *unzstd;
	int level; /* that zstd is set to */
};

/** page_is_filled - is it one word all over? */
bool page_is_filled(const void *page, uint32_t *pattern);

/** page_fill - the opposite */
void page_fill(void *page, uint32_t pattern);

/** entry_code_lz4 - make c->entry of a page; false if it exceeds @most bytes */
bool entry_code_lz4(struct swap_coder *c, const void *page, size_t most);

/** entry_code_raw - make c->entry of a page as it is */
void entry_code_raw(struct swap_coder *c, const void *page);

/*
 * Levels of zstd. What the program keeps asking for has to be quick, and -1
 * takes about as long as LZ4 does to code. What settles may take longer: 5 is
 * the last that is worth it (heap of sqlite3: 4 % smaller than by 1, 36 us a
 * page instead of 15; by 9, 84 us and no smaller), and read as fast as 1.
 */
enum zstd_level { ZSTD_FIRST = -1, ZSTD_SETTLED = 5 };

/** entry_code_zstd - as entry_code_lz4() */
bool entry_code_zstd(struct swap_coder *c, const void *page, size_t most,
		     enum zstd_level level);

/** entry_decode - 0, or -EBADMSG if the entry is not as it was made */
int entry_decode(struct swap_coder *c, const struct entry *e, void *page);

/* ---- slots (slot.c) ---- */

#define WORD_LIVE      (1UL << 63)
#define CLUSTER_BITS   24
#define OFFSET_BITS    14
#define BYTES_BITS     13
#define MAX_CLUSTERS   (1UL << CLUSTER_BITS)
#define OFFSET_SHIFT   CLUSTER_BITS
#define BYTES_SHIFT    (OFFSET_SHIFT + OFFSET_BITS)
#define CODEC_SHIFT    (BYTES_SHIFT + BYTES_BITS)
#define FIELD(w, s, b) ((w) >> (s) & ((1UL << (b)) - 1))

static_assert(CLUSTER_BYTES / ENTRY_ALIGN == 1UL << OFFSET_BITS,
	      "an offset fits");

static inline uint64_t word_of(size_t cluster, size_t offset,
			       const struct entry *e)
{
	return WORD_LIVE | (uint64_t)e->codec << CODEC_SHIFT |
	       (uint64_t)e->bytes << BYTES_SHIFT |
	       offset / ENTRY_ALIGN << OFFSET_SHIFT | cluster;
}

static inline size_t word_cluster(uint64_t w)
{
	return FIELD(w, 0, CLUSTER_BITS);
}

static inline size_t word_offset(uint64_t w)
{
	return FIELD(w, OFFSET_SHIFT, OFFSET_BITS) * ENTRY_ALIGN;
}

static inline size_t word_bytes(uint64_t w)
{
	return FIELD(w, BYTES_SHIFT, BYTES_BITS);
}

static inline unsigned word_codec(uint64_t w)
{
	return (unsigned)FIELD(w, CODEC_SHIFT, 2);
}

/** struct table - reserved address space that is committed from its start on */
struct table {
	char *base;
	size_t size, committed, step;
};

/**
 * table_reserve - room for @size bytes, or for less, but @least
 * @step: bytes to commit at a time, a power of two
 */
int table_reserve(struct table *t, size_t size, size_t least, size_t step);

/** table_reach - make the first @end bytes usable; false if there is no memory
 */
bool table_reach(struct table *t, size_t end);

/* all slots' words, all clusters, the pool's memory */
extern struct table slot_words __hidden, pool_clusters __hidden,
	pool_frames __hidden;

/** slots_init - a table of up to @max slots; 0 or -ENOMEM */
int slots_init(size_t max);

/** slot_get - a free slot, or 0 */
uint32_t slot_get(void);

/** slot_put - the slot is free again */
void slot_put(uint32_t slot);

/** slot_word - 0 if there is no such slot */
uint64_t slot_word(uint32_t slot);
void slot_set(uint32_t slot, uint64_t word);

/** slot_push_later - leave a slot to who calls slots_take_later(); no lock */
void slot_push_later(uint32_t slot);

/** slots_take_later - the first of those left so far, or 0 */
uint32_t slots_take_later(void);
uint32_t slot_next_later(uint32_t slot);

/* ---- clusters (pool.c) ---- */

enum where { IN_POOL, IN_FILE, LOST };
enum log { LOG_NEW, LOG_OLD, NR_LOGS };

struct cluster {
	struct list_head age;  /* closed ones of a log, of the file, or dead */
	struct list_head fill; /* closed ones, by live bytes */
	uint64_t nonce;	       /* of its encryption in the file */
	uint64_t closed_ms;
	uint32_t used, live; /* bytes of entries, of live ones */
	uint32_t place;	     /* frame, or cluster of the file */
	uint16_t nr;	     /* live entries */
	uint8_t where, log;
	bool open;
};

/* the cluster that swapd works on without store_lock, or NULL */
extern struct cluster *held __hidden;
/* in the file, oldest first; and those of which no entry is left */
extern struct list_head in_file __hidden, dead __hidden;

int pool_init(void);
struct cluster *cluster_at(size_t nr);
size_t cluster_nr(const struct cluster *cl);

/** cluster_memory - where its bytes are; only IN_POOL */
char *cluster_memory(const struct cluster *cl);

/** cluster_put - the descriptor is free again */
void cluster_put(struct cluster *cl);

/**
 * log_room - is there room for an entry of @size bytes? Opens a cluster if not
 * @spare: also the frames that are kept for entries that move
 */
bool log_room(enum log log, size_t size, bool spare);

/** log_append - put an entry there, which log_room() said is possible */
void log_append(enum log log, uint32_t slot, const struct entry *e);

/** entry_drop - the slot's entry is not live any more */
void entry_drop(uint64_t word);

/** cluster_retire - give back a cluster without live entries */
void cluster_retire(struct cluster *cl);

/** entry_in - the entry at the start of so many bytes; NULL if it is not whole
 */
const struct entry *entry_in(const char *bytes, size_t left);

/** entry_is_live - does its slot say that it is there? */
bool entry_is_live(const struct cluster *cl, size_t offset,
		   const struct entry *e);

/** pool_oldest - the closed cluster of a log that was closed first, or NULL */
struct cluster *pool_oldest(enum log log);

/** cluster_emptiest - a closed cluster with few live bytes, or NULL */
struct cluster *cluster_emptiest(enum where where);

/** pool_passed - a closed cluster of LOG_NEW is of LOG_OLD from now on */
void pool_passed(struct cluster *cl);

/** pool_is_over - does the pool take more than its bound? */
bool pool_is_over(void);

/** pool_pack - empty the emptiest cluster, if a tenth of the pool is dead;
 * whether it did
 */
bool pool_pack(void);

/** pool_moved - the cluster's bytes are in the file now: let its frame go */
void pool_moved(struct cluster *cl, uint32_t place, uint64_t nonce);

/* ---- the swap file (file.c) ---- */

/** file_init - look where the file may go; while the environment can be read */
void file_init(void);

/** file_claim - a free cluster of the file, which is made if need be; or -errno
 */
int file_claim(uint32_t *place);

/** file_write - fill it with @bytes; @nonce receives what file_read() needs */
int file_write(struct swap_coder *c, uint32_t place, const void *from,
	       size_t bytes, uint64_t *nonce);

/** file_read - bytes out of a cluster of the file; 0 or -EIO; -EAGAIN unless
 * @wait, if the disk has to be waited for */
int file_read(uint32_t place, uint64_t nonce, size_t offset, void *to,
	      size_t bytes, bool wait);

/** disk_begin, disk_end - who makes room waits for the disk in between */
void disk_begin(void);
void disk_end(void);

/** file_release - this process needs the cluster no more */
void file_release(uint32_t place);

/** file_failed - writing did not work: say so once, and let it rest */
void file_failed(int err);

/** file_is_usable - may writing be tried? */
bool file_is_usable(void);

/** file_sweep - now and then: let go what dead members of the family had */
void file_sweep(void);

/** file_fork_child - become the member that swap_fork_open() made; false if
 * there is none: then what is in the file is lost
 */
bool file_fork_child(void);

#endif
