// SPDX-License-Identifier: MIT
/*
 * reclaim/vmscan.c - which pages are cold
 *
 * Nobody tells which pages the program uses, so a hand goes round all of its
 * memory, in the order of addresses, and stages what it passes; a page that is
 * touched there comes back for the price of a fault, and the hand then passes
 * it over for 3, 15, 63, 255 rounds. So a page that is in use costs fewer and
 * fewer faults, and one that is not leaves in the first round after that. What
 * the allocator knows is used, too: free blocks are purged, not stored, and
 * slabs that threads allocate from stay.
 *
 * area:  a span of a zone, or a block with its own mapping; the list of all is
 *        made anew for every round.
 * armed: the service gets the faults of the range. Chunks of windows are armed
 *        when a page of theirs is to leave for the first time.
 *
 * Descriptors are read without their locks: what they say only steers.
 */
#include "os/os.h"
#include "reclaim/service.h"

#define MAX_AREAS   4096
#define CHUNK_PAGES (1UL << MAX_PAGE_ORDER)

struct area {
	uintptr_t start, end;
	struct mapping *mapping;
};

static struct area *areas;
static unsigned nr_areas, current;
static uintptr_t hand, block_end;   /* the latter of the block it is in */
static uint8_t *armed[MAX_WINDOWS]; /* a bit for each chunk */

/* ---- arming ---- */

static uint8_t *armed_byte(const struct window *w, size_t chunk)
{
	size_t bytes = (w->nr_pages / CHUNK_PAGES + 8) / 8;

	if (!armed[w->id])
		armed[w->id] = os_map(align_up(bytes, KIB(64)));
	return armed[w->id] ? &armed[w->id][chunk / 8] : NULL;
}

static bool arm_chunk(struct window *w, uintptr_t addr)
{
	size_t chunk = (addr - w->base) >> CHUNK_SHIFT;
	size_t first = chunk * CHUNK_PAGES;
	size_t nr = min_size(CHUNK_PAGES, w->nr_pages - first);
	uint8_t *byte = armed_byte(w, chunk), bit = 1U << chunk % 8;

	if (!byte)
		return false;
	if (*byte & bit)
		return true;
	/* a zone that has not grown may end here, if the window is small */
	if (arena_commit_tables(w, first, nr) ||
	    os_uffd_register(swapd.uffd,
			     (void *)(w->base + (first << PAGE_SHIFT)),
			     nr << PAGE_SHIFT))
		return false;
	*byte |= bit;
	return true;
}

/* Pages that were touched before anybody looked. */
static void find_touched(struct mapping *m)
{
	uintptr_t at = m->start, end = m->end;

	for (; os_pagemap_next(swapd.pagemap, &at, &end, 0) > 0; end = m->end)
		for (; at < end; at += PAGE_SIZE) {
			pte_t old = PTE_UNTOUCHED;

			if (pte_cas(mapping_pte(m, at), &old, PTE_PRESENT))
				__atomic_add_fetch(&pages_outside, 1,
						   __ATOMIC_RELAXED);
		}
}

int arm_mapping(struct mapping *m)
{
	int err;

	if (m->armed)
		return 0;
	err = os_uffd_register(swapd.uffd, (void *)m->start, m->end - m->start);
	if (err)
		return err;
	WRITE_ONCE(m->armed, true);
	find_touched(m);
	return 0;
}

static bool arm(struct mapping *m, uintptr_t addr)
{
	if (m->kind == MAPPING_WINDOW)
		return arm_chunk(mapping_window(m), addr);
	return !arm_mapping(m);
}

void arm_range(uintptr_t start, uintptr_t end)
{
	struct mapping *m = map_find(NULL, start);

	if (m)
		start = max_size(align_down(start, 1UL << CHUNK_SHIFT),
				 m->start);
	for (; m && start < end; start += 1UL << CHUNK_SHIFT)
		arm(m, start);
}

/* What zones that may be swapped have in use. */
static void for_all_spans(void (*f)(uintptr_t start, uintptr_t end))
{
	for_each_zone(z)
		for (unsigned i = 0; i < READ_ONCE(z->nr_spans); i++) {
			uintptr_t start =
				(uintptr_t)pfn_to_addr(z->span[i].start);
			size_t nr =
				READ_ONCE(z->span[i].grown) - z->span[i].start;

			if (z->type == MM_ZONE_HIGHMEM)
				f(start, start + (nr << PAGE_SHIFT));
		}
}

void arm_windows(void)
{
	for_all_spans(arm_range);
}

/* ---- areas ---- */

static void add_area(uintptr_t start, uintptr_t end, struct mapping *m)
{
	if (nr_areas < MAX_AREAS && start < end)
		areas[nr_areas++] = (struct area){ start, end, m };
}

static void add_span(uintptr_t start, uintptr_t end)
{
	add_area(start, end, map_find(NULL, start));
}

static void list_areas(void)
{
	struct vma *v;

	if (!areas)
		areas = os_map(align_up(MAX_AREAS * sizeof(*areas), KIB(64)));
	nr_areas = 0;
	if (!areas)
		return;
	for_all_spans(add_span);
	for (uintptr_t at = 0; (v = vma_next(at)); at = v->mapping.start + 1)
		add_area(v->mapping.start, v->mapping.start + v->size,
			 &v->mapping);
}

size_t pages_to_scan(void)
{
	size_t nr = READ_ONCE(pages_outside);

	for_each_zone(z)
		nr += READ_ONCE(z->nr_managed);
	return nr;
}

/* ---- the hand ---- */

/*
 * Pages from here on that are not worth a look; 0 if this one is. What is in
 * the middle of a block that changed hands waits for the next round.
 */
static size_t to_skip(const struct window *w, uintptr_t addr)
{
	const struct page *page = pfn_to_page(addr_to_pfn(w, (void *)addr));
	size_t nr = max_size(READ_ONCE(page->nr), 1);
	const struct slab *s;

	switch (page_type(page)) {
	case PAGE_BUDDY:
		return 1UL << min_size(page->order, MAX_PAGE_ORDER);
	case PAGE_LARGE:
		block_end = addr + (nr << PAGE_SHIFT);
		return READ_ONCE(page->flags) ? nr : 0;
	case PAGE_SLAB:
		block_end = addr + SLAB_SIZE;
		s = slab_of(w, (void *)addr);
		return s && READ_ONCE(s->state) == SLAB_ACTIVE && !swapd.always
			       ? SLAB_SIZE >> PAGE_SHIFT
			       : 0;
	case PAGE_TAIL:
		return addr >= block_end;
	default:
		return nr;
	}
}

/* Is it this page's turn? Fewer rounds are left if not. */
static bool is_due(pte_t *pte, enum scan scan)
{
	pte_t v = pte_read(pte), rounds = pte_value(v);

	if (scan == ALL)
		return true;
	if (pte_state(v) != PTE_PRESENT || v & PTE_NOSWAP)
		return false;
	if (!rounds)
		return true;
	rounds = scan == AGING ? rounds / 2 : rounds - 1;
	pte_cas(pte, &v, pte_make(v & PTE_FLAGS_MASK, rounds));
	return false;
}

/* Stage the pages of a range that are due. */
static void scan_stretch(struct mapping *m, uintptr_t addr, size_t nr,
			 enum scan scan)
{
	pte_t *pte = mapping_pte(m, addr);
	bool due[BATCH_PAGES], shared[BATCH_PAGES], known = false;

	/* to take what others have, too, would not free it, but make a copy */
	if (unlikely(copies_fill) && scan == UNDER_PRESSURE)
		known = !os_pagemap_shared(swapd.pagemap, (void *)addr, nr,
					   shared);
	for (size_t i = 0; i < nr; i++)
		due[i] = !(known && shared[i]) && is_due(&pte[i], scan);
	for (size_t i = 0, n; i < nr; i += n) {
		n = 1;
		if (!due[i])
			continue;
		while (i + n < nr && due[i + n])
			n++;
		if (!arm(m, addr + (i << PAGE_SHIFT)))
			break;
		n = stage_pages(addr + (i << PAGE_SHIFT), &pte[i], n);
	}
}

/*
 * A stretch within one chunk; the block may have gone meanwhile. Holds
 * scan_lock afterwards if there are claims.
 */
static void scan_locked(struct mapping *m, uintptr_t addr, size_t nr,
			enum scan scan)
{
	if (!stage_has_claims())
		lock_acquire(&scan_lock);
	/* or a smaller one has its place, and its descriptor */
	if (map_find(NULL, addr) == m && m->ptes &&
	    (m->kind == MAPPING_WINDOW || !arm_mapping(m)))
		scan_stretch(m, addr,
			     min_size(nr, (m->end - addr) >> PAGE_SHIFT), scan);
	if (!stage_has_claims())
		lock_release(&scan_lock);
}

static void flush(void)
{
	if (stage_flush())
		lock_release(&scan_lock);
}

void count_blocks(void)
{
	struct vma *v;

	for (uintptr_t at = 0; (v = vma_next(at)); at = v->mapping.start + 1)
		scan_locked(&v->mapping, v->mapping.start, 0, ALL);
}

static size_t chunk_left(const struct mapping *m, uintptr_t addr)
{
	size_t into = (addr - m->start) & ((1UL << CHUNK_SHIFT) - 1);

	return ((1UL << CHUNK_SHIFT) - into) >> PAGE_SHIFT;
}

/* Where the hand is; false if there is nothing at all. */
static struct area *next_area(void)
{
	if (current < nr_areas && hand < areas[current].end)
		return &areas[current];
	if (++current >= nr_areas) {
		flush(); /* scan_lock comes after all others */
		list_areas();
		current = 0;
	}
	if (!nr_areas)
		return NULL;
	hand = areas[current].start;
	block_end = 0;
	return &areas[current];
}

/*
 * Most pages of a block were perhaps never touched. Then nor was the page of
 * its table that has their entries, so the next that was is where to go on. The
 * block may have gone since the list was made, or go meanwhile: nothing of it
 * is read here.
 */
static uintptr_t next_touched(const struct area *a)
{
	const struct mapping *m = a->mapping;
	uintptr_t ptes = (uintptr_t)READ_ONCE(m->ptes);
	uintptr_t at = ptes + ((hand - a->start) >> PAGE_SHIFT) * sizeof(pte_t);
	uintptr_t end =
		ptes + ((a->end - a->start) >> PAGE_SHIFT) * sizeof(pte_t);
	uintptr_t page = align_down(at, PAGE_SIZE);
	int r;

	if (!ptes || READ_ONCE(m->start) != a->start)
		return a->end;
	if (!READ_ONCE(m->armed))
		return hand;
	end = align_up(end, PAGE_SIZE);
	r = os_pagemap_next(swapd.pagemap, &page, &end, 1);
	if (r < 0 || (r && page <= at))
		return hand;
	if (!r)
		return a->end;
	return min_size(a->start +
				((page - ptes) / sizeof(pte_t) << PAGE_SHIFT),
			a->end);
}

void scan_pages(size_t nr, enum scan scan)
{
	size_t seen = 0;

	while (seen < nr) {
		struct area *a = next_area();
		struct mapping *m;
		size_t n = 0;

		if (!a)
			break;
		m = a->mapping;
		if (m->kind == MAPPING_WINDOW) {
			n = to_skip(mapping_window(m), hand);
		} else {
			block_end = a->end;
			hand = next_touched(a);
			seen += hand == a->end;
		}
		if (!n && hand < a->end) {
			n = min_size(min_size(nr - seen, BATCH_PAGES / 2),
				     chunk_left(m, hand));
			n = min_size(n, (min_size(block_end, a->end) - hand) >>
						PAGE_SHIFT);
			scan_locked(m, hand, n, scan);
		}
		hand += n << PAGE_SHIFT;
		seen += n;
	}
	flush();
	stat_add_global(STAT_pgscan, seen);
}

void scan_range(uintptr_t start, uintptr_t end)
{
	struct mapping *m = map_find(NULL, start);

	while (m && m->ptes && start < min_size(end, m->end)) {
		size_t n =
			min_size((end - start) >> PAGE_SHIFT,
				 min_size(BATCH_PAGES, chunk_left(m, start)));

		if (!n)
			break;
		scan_locked(m, start, n, ALL);
		flush();
		start += n << PAGE_SHIFT;
	}
}

/* ---- what is armed ---- */

static bool is_armed(const struct window *w, size_t chunk)
{
	const uint8_t *bits = armed[w->id];

	return bits && bits[chunk / 8] >> chunk % 8 & 1;
}

static bool next_chunks(struct armed_range *r)
{
	const struct window *w = &windows[r->window];
	size_t nr_chunks = (w->nr_pages + CHUNK_PAGES - 1) / CHUNK_PAGES;
	size_t first;

	while (r->chunk < nr_chunks && !is_armed(w, r->chunk))
		/* most of a window was never used */
		r->chunk += armed[w->id] && !armed[w->id][r->chunk / 8]
				    ? 8 - r->chunk % 8
				    : 1;
	first = r->chunk;
	while (r->chunk < nr_chunks && is_armed(w, r->chunk))
		r->chunk++;
	r->start = w->base + (first << CHUNK_SHIFT);
	r->end = min_size(w->base + (r->chunk << CHUNK_SHIFT),
			  w->base + w->size);
	return first < nr_chunks;
}

/*
 * What a range lies in, under scan_lock, which comes after the lock that
 * next_armed() takes: it may have gone, or end before the range does.
 */
static struct mapping *armed_mapping(const struct armed_range *r)
{
	struct mapping *m = map_find(NULL, r->start);

	return m && m->ptes && mapping_pte(m, r->start) == r->ptes ? m : NULL;
}

bool next_armed(struct armed_range *r)
{
	struct vma *v;

	for (; r->window < nr_windows; r->window++, r->chunk = 0)
		if (armed[r->window] && next_chunks(r)) {
			r->ptes = map_pte(r->start);
			return true;
		}
	while ((v = vma_next(r->vma))) {
		r->vma = v->mapping.start + 1;
		if (!v->mapping.armed)
			continue;
		r->ptes = v->mapping.ptes;
		r->start = v->mapping.start;
		r->end = v->mapping.end;
		return true;
	}
	return false;
}

void for_all_armed(void (*f)(uintptr_t start, uintptr_t end, const pte_t *ptes))
{
	for (struct armed_range r = { 0 }; next_armed(&r);) {
		const struct mapping *m;

		lock_acquire(&scan_lock);
		m = armed_mapping(&r);
		if (m)
			f(r.start, min_size(r.end, m->end), r.ptes);
		lock_release(&scan_lock);
	}
}

/* Up to a batch, then swapd may go on; false if the block has gone. */
static bool walk_some(struct server *s, struct armed_range *r, page_fn *f)
{
	uintptr_t end = min_size(r->end, r->start + BATCH_PAGES * PAGE_SIZE);
	const struct mapping *m;
	bool done = true;

	lock_acquire(&scan_lock);
	m = armed_mapping(r);
	while (m && r->start < min_size(end, m->end) &&
	       (done = f(s, m, r->start))) {
		r->start += PAGE_SIZE;
		r->ptes++;
	}
	/* a forked child finds it so, too */
	service_step_back(s);
	lock_release(&scan_lock);
	if (!done)
		service_wait();
	return m && (!done || r->start == end);
}

void service_walk(struct server *s, page_fn *f)
{
	for (struct armed_range r = { 0 }; next_armed(&r);)
		while (r.start < r.end && walk_some(s, &r, f))
			;
}
