/* SPDX-License-Identifier: MIT */
/*
 * zone/node.h - what page_alloc.c asks of node.c; private to zone/
 */
#ifndef MM_ZONE_NODE_H
#define MM_ZONE_NODE_H

#include "zone/zone.h"

/**
 * node_add_window - give every zone another span
 * @type: of the zone that is full
 * @nr:   pages that its span should have at least
 * @seen: number of windows that the caller found full
 *
 * Returns false if no window can be had. If another thread has added one since
 * @seen was read, returns true at once.
 * Context: takes window_lock, then every zone lock in turn.
 */
bool node_add_window(enum mm_zone_type type, size_t nr, unsigned seen);

/**
 * node_has_room - may @nr more pages come out of a node's memory
 *
 * The kernel is asked now and then (at each tick of the coarse clock once it
 * was nothing) how much is left, of which a little is kept: else it would take
 * the pages elsewhere, and nobody here would know. When there is not much more
 * than that, pages are taken in portions, with a look where they went. Always
 * true if there is one node, or if the kernel does not tell.
 */
bool node_has_room(struct node *n, size_t nr);

/** node_took - these pages came out of a node that had room for them */
void node_took(struct node *n, pfn_t pfn, size_t nr);

#endif
