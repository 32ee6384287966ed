// SPDX-License-Identifier: MIT
/*
 * reclaim/fault.c - the service: what is touched comes back
 *
 * Threads that sleep until the kernel reports a touch. Each claims the entry
 * (FILLING), brings the contents, says PRESENT, and only then lets go of where
 * they came from: so at every instant a copy of the process, which fork()
 * makes, has them. Neighbours come along if the touches go upwards.
 *
 * The service takes no lock but the store's short one, allocates nothing, and
 * touches nothing that may be absent itself. While the heap is at its limit it
 * waits for swapd (room.c).
 */
#include <errno.h>
#include <string.h>
#include "os/os.h"
#include "reclaim/service.h"

#define MAX_PENDING  64
#define FOLLOW_EVERY 64
#define SPINS	     100
#define FRONT_MS     1000
#define TURN_MS	     1

bool fork_is_handled;
static struct server servers[NR_SERVERS];
static struct mm_lock front = LOCK(FRONT);   /* held by who waits for touches */
static struct os_touch pending[MAX_PENDING]; /* under it: read, not served */
static unsigned nr_pending;
static uint64_t followed; /* touches, by servers that follow */
static char *zeros;	  /* MAX_AHEAD pages, never written */
static uint32_t gate;	  /* futex: may the servers begin? */
enum { CLOSED, OPEN, IN_VAIN };

/* ---- bringing pages ---- */

unsigned page_kind(pte_t v)
{
	switch (pte_state(v)) {
	case PTE_STAGED:
	case PTE_PACKING:
		return PTE_FROM_STAGE;
	case PTE_SWAPPED:
		return PTE_FROM_STORE;
	default:
		return PTE_FROM_ZERO;
	}
}

bool service_claim(pte_t *pte, pte_t *old, unsigned kind)
{
	pte_t v = pte_read(pte);

	if (pte_is_busy(v) || page_kind(v) != kind)
		return false;
	*old = v;
	if (!pte_cas(pte, &v,
		     PTE_FILLING | kind |
			     (v & ~(PTE_STATE_MASK | PTE_KIND_MASK))))
		return false;
	if (pte_state(v) == PTE_UNTOUCHED)
		__atomic_add_fetch(&pages_outside, 1, __ATOMIC_RELAXED);
	return true;
}

void service_unclaim(pte_t *pte, pte_t old)
{
	if (pte_state(old) == PTE_UNTOUCHED)
		__atomic_sub_fetch(&pages_outside, 1, __ATOMIC_RELAXED);
	/* swapd has been told by now that it does not have it any more */
	if (pte_state(old) == PTE_PACKING)
		old = (old & ~PTE_STATE_MASK) | PTE_STAGED;
	pte_write(pte, old);
}

/* Somebody else shall wait for touches: this one will take long. */
void service_step_back(struct server *s)
{
	if (s->in_front)
		lock_release(&front);
	s->in_front = false;
}

/*
 * A child of fork() starts a service of its own: all it needs is that its pages
 * are nobody's.
 */
static void see_to_child(int child)
{
	if (__atomic_exchange_n(&fork_is_handled, false, __ATOMIC_ACQ_REL))
		os_close(child);
	else
		orphan_add(child);
	orphan_order();
}

/*
 * As long as a report of a fork is unread, the kernel moves no page. It may
 * stand behind touches, so read on until somebody has found it. A touch that
 * finds no place has to be made again.
 */
void service_find_fork(struct server *s)
{
	struct os_touch touch;

	if (!s->in_front)
		s->in_front = lock_try(&front);
	if (!s->in_front || orphans_full() || os_uffd_look(swapd.uffd, &touch))
		os_yield();
	else if (touch.child >= 0)
		see_to_child(touch.child);
	else if (nr_pending < MAX_PENDING)
		pending[nr_pending++] = touch;
	else
		os_uffd_wake(swapd.uffd,
			     (void *)align_down(touch.addr, PAGE_SIZE),
			     PAGE_SIZE);
}

/* Before the entries say that the pages are there. */
static void give(struct server *s, uintptr_t addr, const char *from, size_t nr)
{
	while (!s->in_front && !orphans_settled())
		service_find_fork(s);
	while (!orphans_give(addr, from, nr)) {
		service_wait();
		service_find_fork(s);
	}
}

/*
 * Pages from a buffer; those that are there already are passed over. Returns
 * how many are there now: the kernel fills within one of its mappings, so what
 * lies behind a border is tried page by page.
 */
static size_t install(struct server *s, uintptr_t addr, const char *from,
		      size_t nr)
{
	size_t i = 0, most = nr;

	while (i < nr) {
		char *to = (char *)addr + (i << PAGE_SHIFT);
		size_t n = min_size(nr - i, most);
		long r = os_uffd_copy(swapd.uffd, to, from + (i << PAGE_SHIFT),
				      n << PAGE_SHIFT);

		if (r > 0) {
			i += (size_t)r >> PAGE_SHIFT;
		} else if (r == -ENOMEM && s->thread) {
			service_wait();
		} else if (r == -EEXIST) {
			os_uffd_wake(swapd.uffd, to, PAGE_SIZE);
			i++;
		} else if (r == -EAGAIN) {
			service_find_fork(s);
		} else {
			if (n == 1)
				break;
			most = 1;
		}
	}
	give(s, addr, from, i);
	return i;
}

void page_lost(uintptr_t addr, int err)
{
	bug("swap: the page at %p is lost: %s", (void *)addr,
	    err == -EBADMSG
		    ? "what the store has is not what was put there"
		    : "the swap file cannot be read. Look after the disk that swap_dir names");
}

static int load(struct server *s, swp_t swp, char *page, bool needed)
{
	int err = swap_load(s->coder, swp, page, false);

	if (err != -EAGAIN || !needed)
		return err;
	service_step_back(s);
	return swap_load(s->coder, swp, page, true);
}

/* How many are there now. The first is needed, so it must be readable. */
static size_t from_store(struct server *s, uintptr_t addr, const pte_t *old,
			 size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		int err = load(s, pte_value(old[i]), s->buf + (i << PAGE_SHIFT),
			       !i);

		if (err && !i)
			page_lost(addr, err);
		if (err)
			break;
	}
	return install(s, addr, s->buf, i);
}

static size_t from_stage(struct server *s, uintptr_t addr, const pte_t *old,
			 size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uintptr_t to = addr + (i << PAGE_SHIFT);
		uint64_t stage = pte_value(old[i]);
		int err;

		give(s, to, stage_addr(stage), 1);
		while ((err = move_back(to, stage,
					pte_state(old[i]) == PTE_PACKING)) ==
		       -EAGAIN)
			service_find_fork(s);
		if (err < 0)
			return i;
		if (err > 0)
			give(s, to, stage_addr(stage), 1);
	}
	return nr;
}

/* Did it leave not long ago? Then it is in use after all. */
static bool left_lately(pte_t v)
{
	return (uint8_t)(READ_ONCE(swapd.epoch) - pte_epoch(v)) <= EPOCHS / 2;
}

/* One that is in use is let alone for longer every time. */
static pte_t after_fill(pte_t old)
{
	unsigned long level = (old & PTE_LEVEL_MASK) >> PTE_LEVEL_SHIFT;

	switch (pte_state(old)) {
	case PTE_SWAPPED:
		if (!left_lately(old))
			return PTE_PRESENT;
		stat_add_global(STAT_workingset_activate, 1);
		/* fall through */
	case PTE_STAGED:
	case PTE_PACKING:
		level = min_size(level + 1, MAX_LEVEL);
		return pte_make(PTE_PRESENT | level << PTE_LEVEL_SHIFT,
				(1UL << 2 * level) - 1);
	case PTE_UNTOUCHED:
		return PTE_PRESENT;
	default:
		return old;
	}
}

/* The contents are there: say so, then let go of where they were. */
static void publish(pte_t *pte, const pte_t *old, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		unsigned state = pte_state(old[i]);

		if (state == PTE_STAGED || state == PTE_PACKING) {
			__atomic_sub_fetch(&pages_staged, 1, __ATOMIC_RELAXED);
			stage_leave(pte_value(old[i]));
		} else if (state == PTE_SWAPPED) {
			__atomic_sub_fetch(&pages_out, 1, __ATOMIC_RELAXED);
		}
		pte_write(&pte[i], after_fill(old[i]));
		if (state == PTE_SWAPPED)
			swap_free_later(pte_value(old[i]));
	}
}

static void count(unsigned kind, size_t nr)
{
	static const enum stat_item item[] = { STAT_swp_zerofill, STAT_pgrescue,
					       STAT_pswpin };

	stat_add_global(item[kind >> PTE_KIND_SHIFT], nr);
	if (kind == PTE_FROM_STORE && nr)
		stat_add_global(STAT_workingset_refault, 1);
}

/*
 * In a window UNTOUCHED says that nobody owns the page yet, and stays: what
 * touches it is not the heap's user.
 */
static bool is_nobodys(const struct mapping *m, const pte_t *pte)
{
	pte_t v = pte_read(pte);

	return (m->kind == MAPPING_WINDOW && pte_state(v) == PTE_UNTOUCHED) ||
	       pte_state(v) == PTE_PINNED;
}

/* False if somebody else has the entry: look again. */
static bool fill(struct server *s, const struct mapping *m, size_t at,
		 size_t max)
{
	pte_t old[MAX_AHEAD], *pte = &m->ptes[at];
	uintptr_t addr = m->start + (at << PAGE_SHIFT);
	unsigned kind = page_kind(pte_read(pte));
	size_t nr = 0, done;

	while (nr < max && !is_nobodys(m, &pte[nr]) &&
	       (!nr || service_may_bring(addr + (nr << PAGE_SHIFT))) &&
	       service_claim(&pte[nr], &old[nr], kind))
		nr++;
	if (!nr)
		return false;
	if (kind == PTE_FROM_STORE)
		done = from_store(s, addr, old, nr);
	else if (kind == PTE_FROM_STAGE)
		done = from_stage(s, addr, old, nr);
	else
		done = install(s, addr, zeros, nr);
	publish(pte, old, done);
	for (size_t i = done; i < nr; i++)
		service_unclaim(&pte[i], old[i]);
	/* the kernel would not have it now: who waits has to touch it again */
	if (!done)
		os_uffd_wake(swapd.uffd, (void *)addr, PAGE_SIZE);
	count(kind, done);
	return true;
}

void service_bring(struct server *s, const struct mapping *m, uintptr_t addr)
{
	fill(s, m, (addr - m->start) >> PAGE_SHIFT, 1);
}

/* Who has it may wait for a report of a fork to be read. */
static void wait_for_entry(struct server *s, const pte_t *pte)
{
	for (unsigned i = 0; pte_is_busy(pte_read(pte)); i++)
		if (i > SPINS)
			service_find_fork(s);
}

static void serve(struct server *s, const struct os_touch *touch)
{
	uintptr_t addr = align_down(touch->addr, PAGE_SIZE);
	struct mapping *m = map_find(NULL, addr);
	uintptr_t chunk_end;
	size_t max, at;

	if (unlikely(touch->writes)) {
		room_for_copies(s, m, addr);
		return;
	}
	if (!m || !m->ptes) {
		/* freed meanwhile, or mlockall() touches all there is */
		if (addr - (uintptr_t)swapd.staging < swapd.nr_stages
							      << PAGE_SHIFT)
			WRITE_ONCE(swapd.touched, true);
		install(s, addr, zeros, 1);
		return;
	}
	at = (addr - m->start) >> PAGE_SHIFT;
	chunk_end = align_down(addr - m->start, 1UL << CHUNK_SHIFT) +
		    (1UL << CHUNK_SHIFT) + m->start;
	max = read_ahead(&s->ahead, m, touch->addr,
			 (min_size(chunk_end, m->end) - addr) >> PAGE_SHIFT);
	room_for(max);
	for (;;) {
		stage_help(HELP_PAGES); /* while who touched waits */
		if (is_nobodys(m, &m->ptes[at])) {
			install(s, addr, zeros, 1);
			return;
		}
		if (fill(s, m, at, max))
			return;
		stage_help(BATCH_PAGES); /* swapd says where all of it is */
		wait_for_entry(s, &m->ptes[at]);
	}
}

/* ---- where to run ---- */

/*
 * To wake a thread on another CPU takes longer than all else, and who touches
 * has to wait anyway: so the server runs where the only thread does that
 * touches at the moment.
 */
static void follow(struct server *s, int tid)
{
	struct os_cpus cpu;

	if (tid != s->tid) {
		if (s->follows)
			os_cpus_set(&s->anywhere);
		s->follows = false;
		s->tid = tid;
		s->streak = 0;
		return;
	}
	if (++s->streak % FOLLOW_EVERY == 0 && !os_cpus_of(tid, &cpu))
		s->follows = !os_cpus_set(&cpu);
	if (s->follows)
		WRITE_ONCE(followed, followed + 1);
}

uint64_t service_followed(void)
{
	return READ_ONCE(followed);
}

/* ---- the threads ---- */

/*
 * If the last thread of the program's ended while it held locks, in fork() say,
 * swapd waits for them, and cannot see to the end of the process.
 */
static void wait_for_front(void)
{
	while (!lock_try(&front) && !lock_wait_for(&front, FRONT_MS))
		end_with_program();
}

/* It has to come to the front to become who the program is. */
static void let_other_in(struct server *s)
{
	service_step_back(s);
	ids_wait(TURN_MS);
}

/* -EAGAIN: there is none, and to wait for one would keep the other off. */
static int next_touch(struct os_touch *touch)
{
	if (nr_pending) {
		*touch = pending[--nr_pending];
		return 0;
	}
	return likely(ids_followed()) ? os_uffd_wait(swapd.uffd, touch)
				      : os_uffd_look(swapd.uffd, touch);
}

/* Only if all of them could be made: nobody could end one that waits. */
static bool gate_opens(void)
{
	uint32_t g;

	while ((g = __atomic_load_n(&gate, __ATOMIC_ACQUIRE)) == CLOSED)
		os_futex_wait(&gate, CLOSED, FRONT_MS);
	return g == OPEN;
}

static void open_gate(bool in_vain)
{
	__atomic_store_n(&gate, in_vain ? IN_VAIN : OPEN, __ATOMIC_RELEASE);
	os_futex_wake(&gate);
}

/*
 * Only one thread at a time waits for touches: the kernel would wake all that
 * do for each.
 */
static void server_main(void *arg)
{
	struct server *s = arg;

	os_thread_name("mm-fault");
	stall_own(s->id, os_gettid());
	os_cpus_get(&s->anywhere);
	s->in_front = s->follows = false;
	if (!gate_opens())
		return;
	for (;;) {
		struct os_touch touch;
		struct stall stall;
		int err;

		if (!s->in_front)
			wait_for_front();
		s->in_front = true;
		if (READ_ONCE(swap_ended))
			break;
		if (unlikely(READ_ONCE(ids_version) != s->ids))
			ids_adopt(&s->ids);
		while (orphans_full())
			os_yield();
		err = next_touch(&touch);
		if (err == -EAGAIN) {
			let_other_in(s);
			continue;
		}
		/* descriptors come back when orphans have what they need */
		if (err == -EMFILE && READ_ONCE(swap_orphans)) {
			os_yield();
			continue;
		}
		if (err)
			bug("swap: cannot read page faults (error %d)", -err);
		if (READ_ONCE(swap_ended))
			break;
		if (touch.child >= 0) {
			see_to_child(touch.child);
			orphans_see_to(s);
			continue;
		}
		if (touch.tid == swapd.tid)
			bug("swap: swapd has touched %p, which is not there",
			    (void *)touch.addr);
		stall_begin(&stall, touch.tid);
		service_turn(s->id);
		serve(s, &touch);
		service_turn(s->id);
		stall_end(&stall);
		follow(s, touch.tid);
		if (unlikely(READ_ONCE(swap_orphans)))
			orphans_see_to(s);
		if (unlikely(!ids_followed()))
			let_other_in(s);
	}
	/* what is touched now is there as soon as the descriptor is closed */
	lock_release(&front);
}

int service_init(void)
{
	static_assert(NR_SERVERS <= MAX_SERVERS, "each has a word");

	zeros = os_map(MAX_AHEAD * PAGE_SIZE);
	for (unsigned i = 0; i < NR_SERVERS; i++) {
		struct server *s = &servers[i];

		s->id = i;
		s->thread = os_thread_new();
		s->coder = swap_coder_new(false);
		s->buf = os_map(MAX_AHEAD * PAGE_SIZE);
		if (!zeros || !s->thread || !s->coder || !s->buf)
			return -ENOMEM;
	}
	return 0;
}

int service_start(void)
{
	int tid = 0;

	lock_init(&front);
	nr_pending = 0;
	room_init();
	gate = CLOSED;
	for (unsigned i = 0; i < NR_SERVERS && tid >= 0; i++) {
		/* it may run only when there are others */
		servers[i].ids = ids_version;
		tid = os_thread_start(servers[i].thread, server_main,
				      &servers[i], false);
	}
	open_gate(tid < 0);
	return tid < 0 ? tid : 0;
}
