/* SPDX-License-Identifier: MIT */
/*
 * torture.h - what the parts of the torture test share
 *
 * block:  a heap block and what it must contain. Blocks are described outside
 *         of the heap: contents are a function of the block's seed, the number
 *         of the unit (4 KiB, counted from the block's start) and the unit's
 *         version.
 * seq:    counts a block's changes, odd while its owner is at it. These words
 *         are shared with forked children, so that a child can tell which
 *         blocks nobody changed while it was made: those it knows, and checks.
 * worker: a thread, with the blocks that it owns: nobody else looks at them.
 * beat:   where a thread of any process is; the watchdog looks at all.
 *
 * torture.c:  start, workers, the watchdog, the summary.
 * blocks.c:   contents, malloc, realloc, free.
 * transfer.c: the kernel reads and writes the heap.
 * advice.c:   locks, pins, protection, huge pages, futexes.
 * children.c: everything that forks.
 */
#ifndef TESTS_SWAP_TORTURE_H
#define TESTS_SWAP_TORTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <signal.h>
#include <time.h>

#include "check.h"
#include "mm/mm.h"

#define UNIT	     ((size_t)4096)
#define NR_WORKERS   4
#define NR_BEATS     256
#define NR_ORPHANS   4096
#define NR_COUNTS    64
#define HANG_SECONDS 60

enum block_class { SMALL, MEDIUM, LARGE, NR_CLASSES };
#define NR_SMALL    400
#define NR_MEDIUM   40
#define NR_LARGE    3
#define PER_WORKER  (NR_SMALL + NR_MEDIUM + NR_LARGE)
#define NR_EXCHANGE 32 /* of SMALL and of MEDIUM */
#define NR_BLOCKS   (NR_WORKERS * PER_WORKER + 2 * NR_EXCHANGE)
#define LARGE_MIN   (4 * MIB)
#define OWN_MAPPING (32 * MIB) /* above: a mapping of its own */
#define LARGE_MAX   (64 * MIB)

/* Versions of a unit that are no contents. */
enum { VER_UNKNOWN, VER_ZERO, VER_FIRST };

struct block {
	char *p;
	size_t size;
	uint64_t seed;
	uint16_t *ver; /* of each unit */
	enum block_class class;
};

struct worker {
	unsigned id;
	uint64_t rnd;
	unsigned own[PER_WORKER]; /* blocks; its classes one after the other */
	size_t large_bytes;
	int scratch[2]; /* files: buffered, O_DIRECT */
	void *ring;
	char *outside;	/* OUTSIDE bytes not in the heap */
	uint32_t *seen; /* seqs before a fork */
};
#define OUTSIDE (1 * MIB)

struct beat {
	pid_t pid, tid;
	const char *where;
	uint64_t count;
	/* the watchdog's */
	uint64_t seen;
	time_t since;
};

struct count {
	const char *name;
	uint64_t n;
};

struct shared {
	uint32_t seq[NR_BLOCKS];
	struct beat beat[NR_BEATS];
	struct count count[NR_COUNTS];
	pid_t orphan[NR_ORPHANS];
	unsigned nr_orphans, live_children;
	uint64_t units_checked, units_written, child_known, child_unknown;
	unsigned failures;
};

extern struct shared *shared;
extern uint32_t *seqs; /* the shared ones, or a forked child's own */
extern struct block *blocks;
extern unsigned nr_workers;
extern size_t large_budget;
extern int stop;
extern uint64_t run_seed;
extern unsigned own_failures; /* of this process */
extern __thread struct beat *beat;

/* The interface of libmm beside malloc, NULL without it. */
struct mm_calls {
	int (*advise)(void *, size_t, enum mm_advice);
	size_t (*reclaim)(size_t);
	int (*pin)(void *, size_t);
	int (*unpin)(void *, size_t);
	int (*query)(const void *, struct mm_page_info *);
	int (*show)(const char *, int);
};
extern struct mm_calls mm;

/* torture.c */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void beat_start(void);
void beat_end(void);
void count_op(const char *name);
void random_op(struct worker *w);

static inline void at(const char *where)
{
	beat->where = where;
	__atomic_add_fetch(&beat->count, 1, __ATOMIC_RELAXED);
}

static inline size_t pick(struct worker *w, size_t below)
{
	return below ? random_next(&w->rnd) % below : 0;
}

static inline uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* blocks.c */
void blocks_init(void);
void worker_init(struct worker *w, unsigned id);
struct block *any_block(struct worker *w, enum block_class class);
struct block *live_block(struct worker *w, enum block_class class);
void block_begin(struct block *b);
void block_end(struct block *b);
void block_verify(struct block *b, size_t first, size_t nr);
void block_write(struct block *b, size_t first, size_t nr);
void block_drop(struct worker *w, struct block *b);
void junk(void *p, size_t n);
static inline size_t block_units(const struct block *b)
{
	return (b->size + UNIT - 1) / UNIT;
}
static inline void block_verify_all(struct block *b)
{
	block_verify(b, 0, block_units(b));
}
static inline uint16_t next_version(unsigned ver)
{
	return (uint16_t)(ver >= VER_FIRST && ver < UINT16_MAX ? ver + 1
							       : VER_FIRST);
}
void verify_bytes(struct block *b, size_t off, size_t len);

/* A range of whole pages in a live block, of at most @max bytes. */
struct range {
	struct block *b;
	size_t off, len;
};
struct range page_range(struct worker *w, size_t max);

void op_replace(struct worker *w);
void op_large(struct worker *w);
void op_resize(struct worker *w);
void op_verify(struct worker *w);
void op_write(struct worker *w);
void op_exchange(struct worker *w);

/* transfer.c */
void transfer_init(struct worker *w);
void transfer_after_fork(struct worker *w);
void op_direct(struct worker *w);
void op_file(struct worker *w);
void op_uring(struct worker *w);
void op_pipe(struct worker *w);
void op_socket(struct worker *w);
void op_vm_self(struct worker *w);
void op_vmsplice(struct worker *w);

/* advice.c */
void advice_init(void);
void advice_result(void);
void op_mlock(struct worker *w);
void op_pin(struct worker *w);
void op_noswap(struct worker *w);
void op_advise(struct worker *w);
void op_huge(struct worker *w);
void op_protect(struct worker *w);
void op_mutex(struct worker *w);
void op_futex(struct worker *w);
void op_thread(struct worker *w);
void op_streams(struct worker *w);

/* children.c */
void op_child(struct worker *w);
void reap_orphans(bool wait);

#endif
