/* SPDX-License-Identifier: MIT */
/*
 * reclaim/reclaim.h - when memory goes back to the system
 *
 * A zone may keep a bounded number of dirty free pages. What is above goes back
 * at once, by the thread that freed it, outside every lock; there is no
 * background thread and no timer. When memory runs out, direct reclaim empties
 * the caller's caches.
 *
 * This is where the swap's policy will live; see the states in map/page.h.
 */
#ifndef MM_RECLAIM_RECLAIM_H
#define MM_RECLAIM_RECLAIM_H

#include "large/large.h"

/** reclaim_balance - bring every zone below its dirty bound */
void reclaim_balance(void);

/**
 * reclaim_trim - give all free memory back
 * @h:    the caller's heap, whose caches are emptied too; may be NULL
 * @keep: bytes of dirty free memory that may stay
 *
 * Returns the bytes given back.
 */
size_t reclaim_trim(struct heap *h, size_t keep);

void reclaim_fork_prepare(void);
void reclaim_fork_parent(void);
void reclaim_fork_child(void);

#endif
