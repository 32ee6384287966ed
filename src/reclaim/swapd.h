/* SPDX-License-Identifier: MIT */
/*
 * reclaim/swapd.h - how pages leave and come back; private to reclaim/
 *
 * swapd.c:   the thread swapd: when, how much; requests.
 * fork.c:    the process is copied.
 * limit.c:   how much the heap may have.
 * vmscan.c:  which pages: a hand that goes round all memory.
 * pageout.c: out in two steps: moved to a stage, then coded into the store.
 * clear.c:   of what is to be stored, free objects are cleared.
 * swapoff.c: all comes back.
 * fault.c:   the service: threads that bring back what is touched; service.h.
 * readahead.c: how many pages a touch brings.
 * room.c:    who touches waits until there is room.
 * orphan.c:  children that were made behind our back.
 * ids.c:     the threads are whoever the program is.
 * pressure.c: how long that takes, and what else the program does meanwhile.
 *
 * None of them allocates while it works, or touches memory of the program but
 * through userfaultfd.
 */
#ifndef MM_RECLAIM_SWAPD_H
#define MM_RECLAIM_SWAPD_H

#include "reclaim/reclaim.h"
#include "side/option.h"

#define BATCH_PAGES 256				  /* that leave together */
#define STORE_PAGES 64				  /* stored together */
#define CHUNK_SHIFT (PAGE_SHIFT + MAX_PAGE_ORDER) /* armed at a time */
#define MAX_LEVEL   4
#define EPOCHS	    8 /* as many pages have left then as the heap has */

/*
 * The descriptors are of the service threads' own table. Stages are used as a
 * ring: positions tail..head hold pages, dead ones among them; position i is
 * stage i % nr_stages.
 */
struct swapd {
	int uffd, pagemap, statm, tid;
	int proc_tid; /* of swapd, as /proc has it */
	int process;
	bool forks; /* the kernel reports them */
	char *staging;
	size_t nr_stages;
	uint64_t head, tail; /* swapd writes */
	uint8_t epoch;
	uint64_t epoch_end; /* position that ends it */
	struct swap_coder *coder;
	bool touched;	      /* mlockall() has put pages into stages */
	bool always;	      /* store also what does not shrink */
	bool copies;	      /* stages hold what another process still has */
	uint32_t progress;    /* futex: pages have gone */
	uint64_t stuck_until; /* ms; the heap is above its limit until then */
};
extern struct swapd swapd __hidden;

/** pages_heap - pages of the program's that are in memory */
static inline size_t pages_heap(void)
{
	return pages_resident() - (swap_pool_bytes() >> PAGE_SHIFT);
}

static inline char *stage_addr(uint64_t stage)
{
	return swapd.staging + (stage << PAGE_SHIFT);
}

/**
 * page_goal - pages that swapd keeps the heap within
 *
 * page_limit is less where others grow as well: there swapd looks again after
 * every step.
 */
extern size_t page_goal __hidden;

/**
 * limit_gap - how far below its goal swapd begins; it ends at twice as far
 *
 * What the gap holds is not used, so it is small in a large heap.
 */
static inline size_t limit_gap(size_t goal)
{
	return min_size(goal / 16, max_size(goal / 128, 512));
}

/**
 * set_limit - bring page_limit, page_goal and page_mark up to date, if it is
 * time, or there was a fork; is the limit higher now?
 *
 * Context: swapd; takes the locks of blocks, and scan_lock.
 */
bool set_limit(void);

/**
 * nr_forks - forks of this process, and its own making; atomic
 *
 * forks_seen: so many set_limit() has seen to; a futex.
 */
extern uint32_t nr_forks __hidden, forks_seen __hidden;

/** copies_limit - pages of which every process may have a copy, and one more */
extern size_t copies_limit __hidden;

/** copies_fill - pages are shared, and they are more than that */
extern bool copies_fill __hidden;

/** pages_copied - pages that may have been copied since set_limit(); atomic */
extern size_t pages_copied __hidden;

/**
 * protect_shared - if copies_fill, protect what is there, after each fork once
 * @forks: of that many it is known
 *
 * Context: swapd; takes the locks of blocks, and scan_lock.
 */
void protect_shared(uint32_t forks);

/** limit_forget - it is time: what is known is the parent's */
void limit_forget(void);

/** stage_init - reserve the staging and its table; 0 or -ENOMEM */
int stage_init(void);

/**
 * stage_unlock - undo for the staging what mlockall() does to all memory
 *
 * Pages move only between places that are both locked or both not.
 */
void stage_unlock(void);

/**
 * stage_pages - take adjacent pages out of the program's reach, with others
 * @pte: entry of the first
 * @nr:  of pages in one armed range
 *
 * Stops at the first whose entry is not PRESENT, and when there are enough to
 * be moved together. Returns how many entries it looked at, at least 1.
 * Context: swapd, holds scan_lock, and keeps it until stage_flush().
 */
size_t stage_pages(uintptr_t addr, pte_t *pte, size_t nr);

/** stage_has_claims - are there pages that stage_flush() has to move? */
bool stage_has_claims(void);

/** stage_flush - move those; whether there were any. Context: as above */
bool stage_flush(void);

#define HELP_PAGES 64 /* moved at a touch, which waits for that */

/**
 * stage_help - do that for swapd, if it wants it, as far as it goes
 * @most: pages; a run is not cut
 *
 * Context: service.
 */
void stage_help(size_t most);

/**
 * store_stages - store the pages that were staged longest ago
 * @nr:     at most so many
 * @before: only those staged before this time, in ms
 *
 * Stops at one that has to stay for now. Returns how many were stored.
 * Context: swapd, holds scan_lock.
 */
size_t store_stages(size_t nr, uint64_t before);

/**
 * stage_pack - make the entry of a staged page PACKING, if it is not
 * @v: receives the entry
 *
 * Returns the entry's place; NULL if the page is not there any more.
 */
pte_t *stage_pack(uint64_t stage, pte_t *v);

/** stage_is_packing - is it PACKING, and so where it was? */
bool stage_is_packing(uint64_t stage);

/**
 * clear_slab - clear what is free in the pages of a slab that are staged
 * @first: stage of the first of them
 * @most:  stages to look at from there on
 *
 * Returns how many stages hold pages of that slab: they are PACKING now, if
 * they are needed at all. 0 if it is not a slab. Context: swapd.
 */
size_t clear_slab(uint64_t first, size_t most);

/**
 * enum scan - what becomes of a page that is to be passed over for some rounds
 * @UNDER_PRESSURE: one round less is left
 * @AGING: half of them; such a round is long, as nobody wants memory, or
 *         nothing was found in the one before
 * @ALL:   it is taken nevertheless
 */
enum scan { UNDER_PRESSURE, AGING, ALL };

/**
 * scan_pages - let the hand go on, and stage what it finds cold
 * @nr: pages to look at
 *
 * Context: swapd; takes scan_lock.
 */
void scan_pages(size_t nr, enum scan scan);

/** scan_range - stage what there is in a range, whatever its level */
void scan_range(uintptr_t start, uintptr_t end);

/** pages_to_scan - length of a round of the hand */
size_t pages_to_scan(void);

/** arm_mapping - let the service get the faults of a whole block; 0 or -errno
 */
int arm_mapping(struct mapping *m);

/** arm_windows - all of them, as far as they are in use: there is a limit now
 */
void arm_windows(void);

/** count_blocks - find what was touched of blocks that are not armed yet */
void count_blocks(void);

/** arm_range - arm a range of a mapping, as far as that goes */
void arm_range(uintptr_t start, uintptr_t end);

/**
 * next_armed - go through what is armed
 *
 * Begins with all zero; false at the end.
 */
struct armed_range {
	unsigned window;
	size_t chunk;
	uintptr_t vma;
	uintptr_t start, end;
	pte_t *ptes; /* from @start on */
};
bool next_armed(struct armed_range *r);

/**
 * for_all_armed - call @f for all that is armed
 *
 * Under scan_lock, so that no range goes meanwhile. Context: swapd.
 */
void for_all_armed(void (*f)(uintptr_t start, uintptr_t end,
			     const pte_t *ptes));

/** uffd_register - watch over a range, which in a child takes a moment */
int uffd_register(int uffd, void *p, size_t size);

/** orphan_add - there is one more; its descriptor. Context: service */
void orphan_add(int uffd);

/** orphan_order - a report of a child was read, and is known whose it is */
void orphan_order(void);

/**
 * orphans_settled - are all on the list that were reported?
 *
 * Context: who has brought pages home while another thread reads reports.
 */
bool orphans_settled(void);

/**
 * orphans_give - they get pages that are or were out, as far as they lack them
 *
 * False if there is no memory for that now: to be called again, but not for
 * ever. Context: service, swapd; the entries are the caller's.
 */
bool __orphans_give(uintptr_t addr, const char *from, size_t nr);
static inline bool orphans_give(uintptr_t addr, const char *from, size_t nr)
{
	/* pairs with orphan_add() */
	return likely(!__atomic_load_n(&swap_orphans, __ATOMIC_SEQ_CST)) ||
	       __orphans_give(addr, from, nr);
}

/** orphans_full - no more fit on the list: their reports have to wait */
bool orphans_full(void);

/** ids_version - counts how often the program has become somebody else */
extern uint32_t ids_version __hidden;

/** ids_init - the threads follow from now on; 0 or -errno */
int ids_init(void);

/** ids_adopt - become who the program is, as of @mine: ids_version */
void ids_adopt(uint32_t *mine);

/** ids_adopt_swapd - the same for swapd, before the others; 0 or -errno */
int ids_adopt_swapd(void);

/** ids_followed - have all servers, or has swap ended? */
bool ids_followed(void);

/** ids_wait - until that; false: @ms are over */
bool ids_wait(unsigned ms);

/** orphans_init - there is none; 0 or -errno. Context: swapd's table */
int orphans_init(void);

/** fork_file - the swap file, on its way to a child; -1: none */
extern int fork_file __hidden;

/** end_with_program - if it has no thread any more. Context: swap's threads */
void end_with_program(void);

/** swapd_start - start swap's threads, and wait until they are; 0 or -errno */
int swapd_start(void);

/** swap_refuse - say why swap is off */
void swap_refuse(int err);

/** fork_is_handled - the child that is being forked starts its own service */
extern bool fork_is_handled __hidden;

/** service_init - workspaces of the service threads; 0 or -ENOMEM */
int service_init(void);

/**
 * service_followed - touches on the one CPU where the only thread that touches
 * runs, and the service, too; the same as before if it is not so now
 */
uint64_t service_followed(void);

#define NR_STREAMS 4
#define MAX_AHEAD  32 /* pages */

/* One for each thread of the service. */
struct readahead {
	struct stream {
		uintptr_t next; /* where it goes on */
		size_t nr;	/* pages to bring then */
	} stream[NR_STREAMS];
	unsigned turn;
};

/** read_ahead - how many pages to bring for a touch, from 1 to @max */
size_t read_ahead(struct readahead *ra, struct mapping *m, uintptr_t touched,
		  size_t max);

/** service_wants_room - does a touch wait until something has left? */
bool service_wants_room(void);

/** service_reads_ahead - do touches go upwards for the most part? */
bool service_reads_ahead(void);

/** service_start - start the threads; 0 or -errno. Context: swapd's table */
int service_start(void);

/**
 * move_back - a page from its stage to its place, and wake who waits
 * @shared: others read it there: copy it
 *
 * Returns 0; 1 if the stage still has it, and so may lack it who was forked
 * since it came there; -EAGAIN while a fork is to be seen to, or memory is
 * short; or another -errno if its place is not watched over: it stays where it
 * is.
 */
int move_back(uintptr_t addr, uint64_t stage, bool shared);

#define NR_SERVERS   2 /* one waits for touches, the others are at work */
#define SWAP_THREADS (NR_SERVERS + 1) /* and swapd */

/** stall_own - thread @i of swap's own has this tid; i <= NR_SERVERS */
void stall_own(unsigned i, int tid);

/* stall_begin, stall_end - thread @tid of the program waits in between */
struct stall {
	uint64_t start_ns, others_ns;
	unsigned nr_tids;
	int tid;
	bool sampled;
};
void stall_begin(struct stall *s, int tid);
void stall_end(const struct stall *s);

/** stall_own_lives - is there one of them? */
bool stall_own_lives(void);

/** swapoff_init - what swapd needs to bring pages; 0 or -ENOMEM */
int swapoff_init(void);

/**
 * swap_bring_all - nothing is out any more
 *
 * Returns 0; -ENOMEM if there is no memory for that, -EBUSY if a page does not
 * come. Context: swapd, which does not take any out meanwhile.
 */
int swap_bring_all(void);

/** swap_bring_to_end - the same, and then swap has ended; likewise */
int swap_bring_to_end(void);

/** pressure_note - bring the averages up to date; context: swapd */
void pressure_note(void);

/**
 * struct core_info - by this tools/mmcore finds pages that are out in a core
 * dump of a process that had this very version of libmm
 */
struct core_info {
	char magic[16];
	const struct core_info *self;
	const struct window *first;
	const struct pgtable *pgtable; /* of all others */
	const struct swapd *swapd;
	const struct swap_core *store;
};
#define CORE_MAGIC "libmm core 0.1"

#endif
