/* SPDX-License-Identifier: MIT */
/*
 * zone/pcp.h - a thread's lists of free runs, in front of the zone lock
 *
 * One LIFO list per run length up to PCP_MAX_RUN pages. The pages were used by
 * this thread a moment ago: most are dirty and warm.
 * Invariant: nr_pages == sum of the lengths of all runs <= PCP_HIGH.
 * Whoever uses the lists holds the lock of the heap they belong to.
 */
#ifndef MM_ZONE_PCP_H
#define MM_ZONE_PCP_H

#include "zone/zone.h"

#define PCP_MAX_RUN 32
#define PCP_HIGH    128 /* pages: 512 KiB per thread */

struct pcp {
	unsigned nr_pages;
	pfn_t head[PCP_MAX_RUN + 1];
};

/** pcp_pop - a run of exactly @nr pages, or 0 */
static inline pfn_t pcp_pop(struct pcp *pcp, size_t nr)
{
	pfn_t pfn;

	if (nr > PCP_MAX_RUN)
		return 0;
	pfn = pcp->head[nr];
	if (pfn) {
		pcp->head[nr] = pfn_to_page(pfn)->next;
		pcp->nr_pages -= (unsigned)nr;
	}
	return pfn;
}

/**
 * pcp_push - keep a run; false if it is too long or the lists are full
 * @whole: no page of it is untouched
 */
static inline bool pcp_push(struct pcp *pcp, pfn_t pfn, size_t nr, bool whole)
{
	struct page *page = pfn_to_page(pfn);

	if (nr > PCP_MAX_RUN || pcp->nr_pages + nr > PCP_HIGH)
		return false;
	if (unlikely(swap_on) && release_out(pfn, nr))
		whole = false;
	page_set_type(page, PAGE_PCP);
	page->nr = (uint32_t)nr;
	page->whole = whole;
	page->next = pcp->head[nr];
	pcp->head[nr] = pfn;
	pcp->nr_pages += (unsigned)nr;
	return true;
}

/** pcp_present - pages in the lists that have memory behind them */
size_t pcp_present(const struct pcp *pcp);

/** pcp_drain - give runs back to their zones until at most @keep pages stay */
void pcp_drain(struct pcp *pcp, unsigned keep);

#endif
