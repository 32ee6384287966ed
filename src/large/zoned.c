// SPDX-License-Identifier: MIT
/*
 * large/zoned.c - runs for I/O and for secrets
 *
 * A run from a zone of choice that is locked in memory, in huge pages, empty in
 * forked children, or wiped when it is freed. What it is stands in the flags of
 * its head page; it is never resized in place, and a run that was pinned is
 * treated alike. The range is as any other again before its pages are free.
 */
#include <errno.h>
#include <string.h>
#include "large/large.h"

#define HUGE_PAGES (MIB(2) >> PAGE_SHIFT)

static bool is_locked(unsigned type, unsigned flags)
{
	return type == MM_ZONE_DMA || (flags & (MM_LOCK | RUN_PINNED));
}

static int prepare(pfn_t pfn, size_t nr, unsigned flags)
{
	size_t size = nr << PAGE_SHIFT;
	void *p = pfn_to_addr(pfn);
	int err = 0;

	if (flags & MM_HUGE) {
		/* memory that is there already would stay in small pages */
		os_purge(p, size);
		os_advise(p, size, OS_HUGEPAGE);
	}
	if (flags & MM_DONTFORK)
		err = os_advise(p, size, OS_WIPEONFORK);
	if (!err && (flags & MM_WIPE))
		err = os_advise(p, size, OS_DONTDUMP);
	if (!err && is_locked(page_zone(pfn)->type, flags))
		err = pin_pages(pfn, nr);
	return err;
}

bool zoned_release(pfn_t pfn, size_t nr)
{
	struct page *page = pfn_to_page(pfn);
	unsigned flags = page->flags;
	size_t size = nr << PAGE_SHIFT;
	void *p = pfn_to_addr(pfn);

	if (flags & MM_WIPE) {
		memset(p, 0, size);
		os_advise(p, size, OS_DODUMP);
	}
	if (is_locked(page_zone(pfn)->type, flags))
		drop_pins(pfn, nr);
	if ((flags & MM_HUGE) && !zone_wants_huge(page_zone(pfn)))
		os_advise(p, size, OS_NOHUGEPAGE);
	page->flags = 0;
	return !(flags & MM_DONTFORK) || !os_advise(p, size, OS_KEEPONFORK);
}

void *zoned_alloc(struct heap *h, enum mm_zone_type type, size_t size,
		  unsigned flags, int *err)
{
	size_t kernels = os_page_size() >> PAGE_SHIFT;
	size_t align = max_size(flags & MM_HUGE ? HUGE_PAGES : 1, kernels);
	size_t nr = align_up((size + PAGE_SIZE - 1) >> PAGE_SHIFT, align);
	struct page *page;
	pfn_t pfn;

	*err = -ENOMEM;
	heap_follow(h);
	pfn = alloc_run(h->nid, type, nr, align, GFP_TOUCH);
	if (!pfn)
		return NULL;
	page = pfn_to_page(pfn);
	page_set_type(page, PAGE_LARGE);
	page->nr = (uint32_t)nr;
	page->next = 0;
	page->flags = (uint8_t)(flags | RUN_ZONED);
	*err = prepare(pfn, nr, flags);
	if (*err) {
		if (zoned_release(pfn, nr))
			free_run_dirty(pfn, nr, nr);
		return NULL;
	}
	counter_add(&h->stats, STAT_large_alloc, 1);
	return pfn_to_addr(pfn);
}

int run_pin(pfn_t head, pfn_t pfn, size_t nr)
{
	int err = pin_pages(pfn, nr);

	if (!err)
		__atomic_fetch_or(&pfn_to_page(head)->flags, RUN_PINNED,
				  __ATOMIC_SEQ_CST);
	return err;
}

int run_unpin(pfn_t head, pfn_t pfn, size_t nr)
{
	struct page *page = pfn_to_page(head);
	int err = unpin_pages(pfn, nr);

	if (err)
		return err;
	/* another thread may pin it meanwhile, and says so before or after */
	__atomic_fetch_and(&page->flags, (uint8_t)~RUN_PINNED,
			   __ATOMIC_SEQ_CST);
	if (has_pins(head, page->nr))
		__atomic_fetch_or(&page->flags, RUN_PINNED, __ATOMIC_SEQ_CST);
	return 0;
}
