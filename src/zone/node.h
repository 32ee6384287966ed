/* SPDX-License-Identifier: MIT */
/*
 * zone/node.h - what page_alloc.c asks of node.c; private to zone/
 */
#ifndef MM_ZONE_NODE_H
#define MM_ZONE_NODE_H

#include "zone/zone.h"

/**
 * node_add_window - give every zone another span
 * @nr:   pages that a span of HIGHMEM should have at least
 * @seen: number of windows that the caller found full
 *
 * Returns false if no window can be had. If another thread has added one since
 * @seen was read, returns true at once.
 * Context: takes window_lock, then every zone lock in turn.
 */
bool node_add_window(size_t nr, unsigned seen);

#endif
