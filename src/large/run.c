// SPDX-License-Identifier: MIT
/*
 * large/run.c - runs of pages in the windows
 *
 * The head's descriptor says PAGE_LARGE and the number of pages as long as the
 * block lives, so freeing anything else is found out for certain.
 */
#include "large/large.h"

static size_t pages_of(size_t size)
{
	return (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static pfn_t pop_aligned(struct heap *h, size_t nr, size_t align)
{
	pfn_t pfn = pcp_pop(&h->pcp, nr);

	if (!pfn)
		return 0;
	if (pfn & (align - 1)) {
		free_run(pfn, nr);
		return 0;
	}
	counter_add(&h->stats, STAT_pcp_hit, 1);
	return pfn;
}

static pfn_t get_run(struct heap *h, size_t nr, size_t align, gfp_t gfp)
{
	pfn_t pfn = pop_aligned(h, nr, align);

	if (pfn) {
		/* it may have been a slab that was never carved to its end */
		if ((gfp & GFP_ZERO) || !pfn_to_page(pfn)->whole)
			touch_pages(pfn, nr, gfp);
		return pfn;
	}
	return alloc_run(h->nid, MM_ZONE_HIGHMEM, nr, align, gfp | GFP_TOUCH);
}

static void *run_alloc(struct heap *h, size_t size, size_t align, gfp_t gfp)
{
	size_t nr = pages_of(size);
	size_t align_pages = pages_of(align);
	pfn_t pfn = get_run(h, nr, align_pages, gfp);
	struct page *page;

	if (!pfn)
		return NULL;
	/* a window smaller than the alignment cannot promise it */
	if ((uintptr_t)pfn_to_addr(pfn) & (align - 1)) {
		free_run(pfn, nr);
		return NULL;
	}
	page = pfn_to_page(pfn);
	page_set_type(page, PAGE_LARGE);
	page->nr = (uint32_t)nr;
	page->next = 0;
	counter_add(&h->stats, STAT_large_alloc, 1);
	return pfn_to_addr(pfn);
}

void *large_alloc(struct heap *h, size_t size, size_t align, gfp_t gfp)
{
	bool fits = align <= PAGE_SIZE << MAX_PAGE_ORDER;
	void *p = NULL;

	heap_follow(h);
	if (size <= VMA_MIN && fits)
		p = run_alloc(h, size, align, gfp);
	if (p)
		return p;
	p = vma_alloc(h, size, align);
	if (p)
		counter_add(&h->stats, STAT_vma_alloc, 1);
	else if (size > VMA_MIN && fits)
		/* the windows may hold all the address space there is */
		p = run_alloc(h, size, align, gfp);
	return p;
}

pfn_t run_head(const struct window *w, const void *p)
{
	pfn_t at = addr_to_pfn(w, p), pfn = at;
	const struct span *s = page_span(at);

	if (!s)
		return 0;
	while (pfn > s->start && page_type(pfn_to_page(pfn)) == PAGE_TAIL)
		pfn--;
	if (page_type(pfn_to_page(pfn)) != PAGE_LARGE ||
	    at >= pfn + pfn_to_page(pfn)->nr)
		return 0;
	return pfn;
}

__cold static void bad_free(const struct window *w, const void *p)
{
	pfn_t head = run_head(w, p);
	const char *start;

	if (!page_span(addr_to_pfn(w, p)))
		bug("invalid free of %p: no block was ever there", p);
	if (!head)
		bug("double free of %p (free pages)", p);
	start = pfn_to_addr(head);
	bug("invalid free of %p: %zu bytes inside a block of %zu bytes at %p",
	    p, (size_t)((const char *)p - start),
	    (size_t)pfn_to_page(head)->nr << PAGE_SHIFT, (const void *)start);
}

static bool is_run(const struct window *w, const void *p)
{
	pfn_t pfn = addr_to_pfn(w, p);

	return !((uintptr_t)p & (PAGE_SIZE - 1)) && page_span(pfn) &&
	       page_type(pfn_to_page(pfn)) == PAGE_LARGE;
}

/* The page lists are for what malloc gives out here. */
static bool is_ordinary(pfn_t pfn, const struct heap *h)
{
	const struct zone *z = page_zone(pfn);

	return z->nid == h->nid && z->type == MM_ZONE_HIGHMEM;
}

void run_free(struct heap *h, struct window *w, void *p)
{
	pfn_t pfn = addr_to_pfn(w, p);
	size_t nr;

	if (unlikely(!is_run(w, p)))
		bad_free(w, p);
	nr = pfn_to_page(pfn)->nr;
	counter_add(&h->stats, STAT_large_free, 1);
	if (unlikely(pfn_to_page(pfn)->flags) && !zoned_release(pfn, nr))
		return;
	if (nr <= PCP_MAX_RUN && is_ordinary(pfn, h)) {
		if (pcp_push(&h->pcp, pfn, nr, true))
			return;
		counter_add(&h->stats, STAT_pcp_drain, 1);
		pcp_drain(&h->pcp, PCP_HIGH / 2);
		if (pcp_push(&h->pcp, pfn, nr, true))
			return;
	}
	free_run_dirty(pfn, nr, nr);
}

unsigned run_flags(const struct window *w, const void *p)
{
	return is_run(w, p) ? pfn_to_page(addr_to_pfn(w, p))->flags : 0;
}

/* Growing blocks tend to grow on: leave them room, which costs no memory. */
static bool run_grow(struct page *page, pfn_t pfn, size_t nr)
{
	size_t more = nr - page->nr, slack = nr / 8;

	if (expand_run(pfn, page->nr, more + slack))
		page->nr += (uint32_t)(more + slack);
	else if (expand_run(pfn, page->nr, more))
		page->nr += (uint32_t)more;
	else
		return false;
	return true;
}

bool run_resize(struct window *w, void *p, size_t size)
{
	pfn_t pfn = addr_to_pfn(w, p);
	struct page *page = pfn_to_page(pfn);
	size_t nr = pages_of(size), old;

	if (unlikely(!is_run(w, p)))
		bad_free(w, p);
	old = page->nr;
	if (nr > old)
		return size <= VMA_MIN && run_grow(page, pfn, nr);
	/* a little less is kept, so that it can be a little more again */
	if (old - nr > old / 8) {
		page->nr = (uint32_t)nr;
		free_run_dirty(pfn + (pfn_t)nr, old - nr, old - nr);
	}
	return true;
}
