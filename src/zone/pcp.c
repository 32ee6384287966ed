// SPDX-License-Identifier: MIT
/*
 * zone/pcp.c - emptying a thread's page lists
 *
 * Long runs go first: they merge into large blocks, and the short ones are
 * asked for more often.
 */
#include "zone/pcp.h"

void pcp_drain(struct pcp *pcp, unsigned keep)
{
	for (size_t nr = PCP_MAX_RUN; nr && pcp->nr_pages > keep; nr--) {
		pfn_t pfn;

		while (pcp->nr_pages > keep && (pfn = pcp_pop(pcp, nr)))
			free_run(pfn, nr);
	}
}

size_t pcp_present(const struct pcp *pcp)
{
	size_t n = 0;

	for (size_t nr = 1; nr <= PCP_MAX_RUN; nr++)
		for (pfn_t pfn = pcp->head[nr]; pfn;
		     pfn = pfn_to_page(pfn)->next)
			n += page_dirty(pfn, nr);
	return n;
}
