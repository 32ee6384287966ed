// SPDX-License-Identifier: MIT
/*
 * zone/node.c - which nodes there are, and which pages are whose
 *
 * Every window is cut into one slice per node (a power of two of them), every
 * slice into its zones: HIGHMEM, NORMAL, DMA, in this order. So the zone of a
 * page is arithmetic, and what is never used lies at the end of a window.
 */
#include <errno.h>
#include "map/memmap.h"
#include "side/option.h"
#include "zone/zone.h"

struct node *nodes;
unsigned nr_nodes;
bool numa_is_fake;
static struct mm_lock window_lock = LOCK(WINDOW);

/* Where the memory of all nodes here comes from; 0: each from its own. */
static unsigned long placed_on;
static enum os_placement placed_how;
/* The kernel does what the user told it: numa=off, numactl, or one node. */
static bool kernel_places;

#define NR_CPUS 1024
static uint8_t node_of_cpu[NR_CPUS]; /* nid + 1, 0 if not asked yet */

/* By window: first page of each zone in a slice. Set before it has a span. */
static size_t zone_start[MAX_WINDOWS][MM_NR_ZONES];

#define ZONE_PART 64 /* of a slice is NORMAL, and as much DMA */

static unsigned nr_slices(void)
{
	return 1U << order_up(nr_nodes);
}

/* First page of a zone inside a slice of 2^shift pages; none is before DMA. */
static size_t zone_offset(unsigned shift, int type)
{
	size_t slice = 1UL << shift, part = slice / ZONE_PART;

	part = part >= MAX_ORDER_PAGES
		       ? align_down(part, MAX_ORDER_PAGES)
		       : align_down(part, SLAB_SIZE >> PAGE_SHIFT);
	return type < MM_ZONE_HIGHMEM ? slice - (size_t)(type + 1) * part : 0;
}

struct zone *page_zone(pfn_t pfn)
{
	const struct window *w = pfn_window(pfn);
	size_t i = pfn_index(pfn);
	size_t in_slice = i & ((1UL << w->slice_shift) - 1);
	unsigned type = MM_ZONE_HIGHMEM;

	while (type > MM_ZONE_DMA && in_slice >= zone_start[w->id][type - 1])
		type--;
	return &nodes[i >> w->slice_shift].zone[type];
}

const struct span *page_span(pfn_t pfn)
{
	const struct zone *z;
	unsigned nr;

	if (pfn_index(pfn) >> pfn_window(pfn)->slice_shift >= nr_nodes)
		return NULL;
	z = page_zone(pfn);
	/* pairs with the release in add_span() */
	nr = smp_load_acquire(&z->nr_spans);
	for (unsigned i = 0; i < nr; i++)
		if (pfn >= z->span[i].start &&
		    pfn < READ_ONCE(z->span[i].grown))
			return &z->span[i];
	return NULL;
}

static void set_watermarks(struct zone *z)
{
	size_t min = min_size(z->nr_spanned / 256, MAX_ORDER_PAGES);

	z->wmark[WMARK_MIN] = min;
	z->wmark[WMARK_LOW] = min + min / 4;
	z->wmark[WMARK_HIGH] = min + min / 2;
}

static void add_span(struct zone *z, const struct window *w)
{
	pfn_t slice = page_to_pfn(w, w->pages) +
		      (pfn_t)((size_t)z->nid << w->slice_shift);
	struct span *s = &z->span[z->nr_spans];

	lock_acquire(&z->lock);
	s->start = slice + (pfn_t)zone_start[w->id][z->type];
	s->end = slice + (pfn_t)zone_offset(w->slice_shift, z->type - 1);
	s->grown = s->tables = s->start;
	/* pairs with page_span(), which takes no lock */
	smp_store_release(&z->nr_spans, z->nr_spans + 1);
	z->nr_spanned += s->end - s->start;
	set_watermarks(z);
	lock_release(&z->lock);
}

bool node_add_window(enum mm_zone_type type, size_t nr, unsigned seen)
{
	unsigned shift = PFN_SHIFT - order_up(nr_nodes);
	size_t most = zone_offset(shift, MM_ZONE_NORMAL), want;
	struct window *w = NULL;

	/* no window is that large */
	if (nr > (type == MM_ZONE_HIGHMEM ? most : most / ZONE_PART))
		return false;
	if (type != MM_ZONE_HIGHMEM)
		nr *= ZONE_PART;
	/* a block of the largest order must fit beside the other zones */
	want = (nr + MAX_ORDER_PAGES) * nr_slices() * 2;
	lock_acquire(&window_lock);
	if (nr_windows == seen) {
		w = arena_add_window(want << PAGE_SHIFT, nr_slices());
		/* at the least, room for it beside DMA and NORMAL */
		if (!w)
			w = arena_add_window((nr + nr / 16) * nr_slices()
						     << PAGE_SHIFT,
					     nr_slices());
		if (w && map_add_window(w)) {
			os_unmap(w->slots, w->reserved);
			w = NULL;
		}
		if (w) {
			/* others take pages as soon as there is a span */
			for (int t = 0; t < MM_NR_ZONES; t++)
				zone_start[w->id][t] =
					zone_offset(w->slice_shift, t);
			for_each_zone(z)
				add_span(z, w);
			arena_publish(w);
		}
		seen = w ? seen : nr_windows;
	}
	lock_release(&window_lock);
	return seen != smp_load_acquire(&nr_windows);
}

/* Pages of the first window up to the last that a zone has grown to. */
static size_t pages_grown(void)
{
	size_t nr = 0;

	for_each_zone(z) {
		const struct span *s = &z->span[0];

		if (s->grown > s->start)
			nr = max_size(nr, pfn_index(s->grown));
	}
	return align_up(nr, MAX_ORDER_PAGES);
}

/* Caller holds the lock. */
static void cut_span(struct zone *z, pfn_t end)
{
	struct span *s = &z->span[0];

	end = end < s->start ? s->start : end;
	if (end >= s->end)
		return;
	z->nr_spanned -= s->end - end;
	s->end = end;
	if (s->tables > end)
		s->tables = end;
	set_watermarks(z);
}

size_t zone_cut(size_t limit)
{
	size_t share = arena_share(limit) >> PAGE_SHIFT, nr, reserved = 0;
	struct window *w = &windows[0];

	lock_acquire(&window_lock);
	for_each_zone(z)
		lock_acquire(&z->lock);
	nr = max_size(align_up(share, MAX_ORDER_PAGES), pages_grown());
	if (nr < w->nr_pages) {
		for_each_zone(z)
			cut_span(z, page_to_pfn(w, w->pages) + (pfn_t)nr);
		arena_cut(w, nr);
		map_cut_window();
	}
	for_each_zone(z)
		lock_release(&z->lock);
	for (unsigned i = 0; i < nr_windows; i++)
		reserved += windows[i].reserved;
	lock_release(&window_lock);
	return reserved;
}

void node_place(unsigned nid, void *p, size_t size)
{
	if (kernel_places)
		return;
	os_place(p, size, placed_how,
		 placed_on ? placed_on : 1UL << nodes[nid].phys);
}

static unsigned distance(unsigned a, unsigned b)
{
	if (a == b)
		return 10;
	return numa_is_fake ? 20
			    : os_node_distance(nodes[a].phys, nodes[b].phys);
}

/* Far memory without CPUs comes after all other. */
#define NO_CPU_PENALTY 1000

/*
 * Nearest node first; selection sort.
 * @with_cpus: mask of the kernel's numbers
 */
static void build_fallback(unsigned nid, unsigned long with_cpus)
{
	bool done[MAX_NODES] = { false };

	for (unsigned k = 0; k < nr_nodes; k++) {
		unsigned best = nr_nodes, best_distance = ~0U;

		for (unsigned i = 0; i < nr_nodes; i++) {
			/* start behind nid, so that equals are spread */
			unsigned other = (nid + i) % nr_nodes;
			unsigned d = distance(nid, other);

			if (!(with_cpus >> nodes[other].phys & 1))
				d += NO_CPU_PENALTY;
			if (!done[other] && d < best_distance) {
				best = other;
				best_distance = d;
			}
		}
		done[best] = true;
		nodes[nid].fallback[k] = (uint8_t)best;
	}
}

int node_by_phys(unsigned phys)
{
	for (unsigned i = 0; i < nr_nodes; i++)
		if (nodes[i].phys == phys)
			return (int)i;
	return -1;
}

static unsigned nearest(unsigned phys)
{
	unsigned best = 0, best_distance = ~0U;

	for (unsigned i = 0; i < nr_nodes; i++) {
		unsigned d = os_node_distance(phys, nodes[i].phys);

		if (d < best_distance) {
			best = i;
			best_distance = d;
		}
	}
	return best;
}

unsigned node_current(void)
{
	unsigned cpu = (unsigned)os_current_cpu(), phys, nid;

	if (nr_nodes == 1)
		return 0;
	if (likely(cpu < NR_CPUS) && (nid = READ_ONCE(node_of_cpu[cpu])))
		return nid - 1;
	os_getcpu(&cpu, &phys);
	nid = nearest(phys);
	if (cpu < NR_CPUS)
		WRITE_ONCE(node_of_cpu[cpu], (uint8_t)(nid + 1));
	return nid;
}

#define ROOM_MS 100  /* as long as an answer is good */
#define STOP_MS 1000 /* the kernel left a node, and so do we */
#define PORTION 64U  /* pages */

/*
 * The kernel goes to another node when its low watermark is reached: up to a
 * 20th, and a quarter more, where huge pages are on; a 1000th twice where the
 * node is large. What its CPUs take at a time is to be had beside that. But for
 * a while it may keep about three times as much (watermark_boost_factor).
 */
static size_t kernel_keeps(size_t total)
{
	return min_size(total / 16 + total / 128, MIB(256) + total / 512);
}

/* Is any of the run that was taken last on another node? */
static bool went_elsewhere(const struct node *n)
{
	size_t pfn = READ_ONCE(n->taken), nr = READ_ONCE(n->nr_taken);

	for (size_t i = 0; pfn && i < nr; i += nr / 8 + 1) {
		int phys = os_node_of(pfn_to_addr((pfn_t)(pfn + i)));

		if (phys >= 0 && phys != (int)n->phys)
			return true;
	}
	return false;
}

void node_took(struct node *n, pfn_t pfn, size_t nr)
{
	WRITE_ONCE(n->taken, pfn);
	WRITE_ONCE(n->nr_taken, nr);
}

static bool kernel_stopped(struct node *n, size_t left, uint64_t now)
{
	if (went_elsewhere(n)) {
		WRITE_ONCE(n->stop, left);
		WRITE_ONCE(n->stop_ms, now);
		return true;
	}
	return now - READ_ONCE(n->stop_ms) < STOP_MS &&
	       left <= READ_ONCE(n->stop) + (PORTION << PAGE_SHIFT);
}

static void ask_room(struct node *n, size_t nr, uint64_t now)
{
	size_t total, left = os_node_free(n->phys, &total);
	size_t keep = kernel_keeps(total);
	size_t room = (left - min_size(left, keep)) >> PAGE_SHIFT;
	/* from there on, little at a time */
	size_t near = min_size(left, 3 * keep);
	size_t portion = left > near ? (left - near) >> PAGE_SHIFT : room / 16;

	portion =
		max_size(portion, nr <= room ? max_size(nr, PORTION) : PORTION);
	room = min_size(room, portion);
	if (left == near && kernel_stopped(n, left, now))
		room = 0;
	WRITE_ONCE(n->taken, 0);
	WRITE_ONCE(n->room, room);
	WRITE_ONCE(n->full, room < nr);
	WRITE_ONCE(n->room_ms, now);
}

bool node_has_room(struct node *n, size_t nr)
{
	uint64_t now, asked;
	size_t room;

	if (likely(nr_nodes == 1) || numa_is_fake)
		return true;
	now = os_clock_ms();
	asked = READ_ONCE(n->room_ms);
	/* what was taken is not always touched: look again before it is full */
	if (now - asked >= ROOM_MS ||
	    (READ_ONCE(n->room) < nr && (now != asked || !READ_ONCE(n->full))))
		ask_room(n, nr, now);
	/* no lock: two may spend the same pages, but nobody more than there are
	 */
	room = READ_ONCE(n->room);
	if (room < nr)
		return false;
	WRITE_ONCE(n->room, room - nr);
	return true;
}

/* One node for all, whose memory comes from where the user has said. */
static void use_one_node(unsigned phys[MAX_NODES], unsigned long where)
{
	phys[0] = (unsigned)__builtin_ctzl(where);
	nr_nodes = 1;
}

static void find_nodes(unsigned phys[MAX_NODES])
{
	const struct mm_choice *numa = &mm_options.numa;
	unsigned long allowed, steered = 0;

	nr_nodes = 0;
	numa_is_fake = numa->word == NUMA_FAKE;
	if (numa_is_fake) {
		kernel_places = true;
		for (; nr_nodes < numa->nr; nr_nodes++)
			phys[nr_nodes] = nr_nodes;
		return;
	}
	if (numa->nodes) {
		placed_on = numa->nodes;
		placed_how = numa->word == NUMA_INTERLEAVE ? OS_INTERLEAVE
							   : OS_PREFER;
		use_one_node(phys, placed_on);
		return;
	}
	allowed = os_nodes_allowed();
	if (!is_power_of_2(allowed))
		steered = os_nodes_steered();
	kernel_places =
		numa->word == NUMA_OFF || steered || is_power_of_2(allowed);
	if (kernel_places) {
		use_one_node(phys, steered ? steered : allowed);
		return;
	}
	for (unsigned i = 0; i < MAX_NODES; i++)
		if (allowed & (1UL << i))
			phys[nr_nodes++] = i;
}

int zone_init(void)
{
	unsigned phys[MAX_NODES] = { 0 };
	static struct node first;
	unsigned long with_cpus;

	find_nodes(phys);
	/* one node is the common case and needs no memory of its own */
	nodes = nr_nodes == 1 ? &first
			      : memblock_alloc(nr_nodes * sizeof(*nodes), 64);
	if (!nodes)
		return -ENOMEM;
	for (unsigned i = 0; i < nr_nodes; i++) {
		nodes[i].phys = phys[i];
		for (unsigned t = 0; t < MM_NR_ZONES; t++) {
			struct zone *z = &nodes[i].zone[t];

			lock_rank(&z->lock, RANK_ZONE);
			z->nid = (uint8_t)i;
			z->type = (uint8_t)t;
		}
	}
	if (mm_options.limit)
		page_limit = mm_options.limit >> PAGE_SHIFT;
	with_cpus = nr_nodes == 1 || numa_is_fake ? ~0UL : os_nodes_with_cpus();
	for (unsigned i = 0; i < nr_nodes; i++)
		build_fallback(i, with_cpus);
	return node_add_window(MM_ZONE_HIGHMEM, 1, 0) ? 0 : -ENOMEM;
}

void zone_fork(enum fork_step step)
{
	lock_fork(&window_lock, step);
	for_each_zone(z)
		lock_fork(&z->lock, step);
	pin_fork(step);
}
