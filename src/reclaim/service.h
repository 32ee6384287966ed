/* SPDX-License-Identifier: MIT */
/*
 * reclaim/service.h - how pages are brought, for who brings them
 *
 * The threads of the service for what is touched (fault.c), as there is room
 * for it (room.c), and for children that were made behind our back (orphan.c);
 * swapd when all shall come back (swapoff.c).
 */
#ifndef MM_RECLAIM_SERVICE_H
#define MM_RECLAIM_SERVICE_H

#include "os/os.h"
#include "reclaim/swapd.h"

struct server {
	struct os_thread *thread; /* NULL: it is swapd, who waits for nobody */
	struct swap_coder *coder;
	char *buf; /* MAX_AHEAD pages */
	unsigned id;
	uint32_t ids;	 /* who it is */
	bool in_front;	 /* waits for touches */
	int tid;	 /* of who touched last */
	unsigned streak; /* touches of that thread in a row */
	bool follows;	 /* runs only where it does */
	struct os_cpus anywhere;
	struct readahead ahead;
};

/** page_kind - where the page of an entry comes from: one of PTE_FROM_ */
unsigned page_kind(pte_t v);

/** page_lost - end the program: a page cannot be read any more */
void page_lost(uintptr_t addr, int err);

/**
 * service_claim - make an entry FILLING
 * @old:  receives what it was
 * @kind: what its page_kind() has to be
 *
 * False if it is not so, or busy.
 */
bool service_claim(pte_t *pte, pte_t *old, unsigned kind);

/** service_unclaim - nothing came of it: the entry is as it was */
void service_unclaim(pte_t *pte, pte_t old);

/**
 * service_bring - bring the page at an address, if it is out
 *
 * Context: keeps the mapping from going.
 */
void service_bring(struct server *s, const struct mapping *m, uintptr_t addr);

/**
 * service_walk - call @f for every page that is watched over
 *
 * With scan_lock held, in batches, after each of which the server is not in
 * front. If @f returns false it is called for the page again a little later.
 */
typedef bool page_fn(struct server *s, const struct mapping *m, uintptr_t addr);
void service_walk(struct server *s, page_fn *f);

/** service_find_fork - the kernel does nothing until a report of one is read */
void service_find_fork(struct server *s);

/** service_step_back - somebody else shall wait for touches */
void service_step_back(struct server *s);

/** service_wait - the cgroup is full: wait a little for swapd to make room */
void service_wait(void);

/** room_for - wait until the heap may hold @nr pages more, but not for long */
void room_for(size_t nr);

/**
 * room_for_copies - let a protected page be written, as soon as there is room
 *
 * And those around it. @m: what it lies in, NULL if that has gone.
 */
void room_for_copies(struct server *s, const struct mapping *m, uintptr_t addr);

/** room_init - nobody waits. Context: the service is about to start */
void room_init(void);

/** orphans_see_to - give children that were made behind our back what is out */
void orphans_see_to(struct server *s);

#endif
