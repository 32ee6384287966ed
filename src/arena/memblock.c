// SPDX-License-Identifier: MIT
/*
 * arena/memblock.c - memory for metadata
 *
 * Bump allocation out of chunks; nothing is ever given back, so whoever needs
 * to free keeps a free list of one type (which makes its memory type-stable).
 * Invariant: chunk <= next <= end.
 */
#include "arena/arena.h"
#include "os/os.h"

#define CHUNK_BYTES KIB(256)

struct mm_lock arena_lock = LOCK(ARENA);
static char *chunk_next, *chunk_end;
static size_t bytes;

static bool new_chunk(void)
{
	char *p = os_map(CHUNK_BYTES);

	if (!p)
		return false;
	chunk_next = p;
	chunk_end = p + CHUNK_BYTES;
	return true;
}

void *memblock_alloc(size_t size, size_t align)
{
	char *p = NULL;

	VM_BUG_ON(size > KIB(64) || align > PAGE_SIZE);
	lock_acquire(&arena_lock);
	if (chunk_next)
		p = (char *)align_up((uintptr_t)chunk_next, align);
	if (!p || p + size > chunk_end)
		p = new_chunk() ? chunk_next : NULL;
	if (p) {
		chunk_next = p + size;
		bytes += size;
	}
	lock_release(&arena_lock);
	return p;
}

size_t memblock_bytes(void)
{
	return READ_ONCE(bytes);
}

void arena_fork(enum fork_step step)
{
	lock_fork(&arena_lock, step);
}
