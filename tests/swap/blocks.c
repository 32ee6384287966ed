// SPDX-License-Identifier: MIT
/*
 * blocks.c - contents that can be checked, and what malloc does with them
 */
#include <malloc.h>

#include "torture.h"

struct block *blocks;
uint32_t *seqs;

/* Indices of blocks that change their owner, by class. */
static unsigned exchange[LARGE][NR_EXCHANGE];

static const unsigned class_start[NR_CLASSES + 1] = { 0, NR_SMALL,
						      NR_SMALL + NR_MEDIUM,
						      PER_WORKER };
static const size_t class_units[NR_CLASSES] = { 3, 132, LARGE_MAX / UNIT + 1 };

static enum block_class first_class(unsigned i)
{
	enum block_class c = SMALL;

	if (i >= NR_WORKERS * PER_WORKER) {
		i -= NR_WORKERS * PER_WORKER;
		c = i / NR_EXCHANGE;
		exchange[c][i % NR_EXCHANGE] = i + NR_WORKERS * PER_WORKER;
		return c;
	}
	while (i % PER_WORKER >= class_start[c + 1])
		c++;
	return c;
}

void blocks_init(void)
{
	blocks = own_memory(NR_BLOCKS * sizeof(*blocks));
	for (unsigned i = 0; i < NR_BLOCKS; i++) {
		enum block_class c = first_class(i);

		blocks[i].class = c;
		blocks[i].seed = run_seed * NR_BLOCKS + i;
		blocks[i].ver = own_memory(class_units[c] * sizeof(uint16_t));
	}
}

void worker_init(struct worker *w, unsigned id)
{
	w->id = id;
	w->rnd = (run_seed + 1) * 0x9e3779b97f4a7c15u + id;
	for (unsigned i = 0; i < PER_WORKER; i++)
		w->own[i] = id * PER_WORKER + i;
	w->outside = own_memory(OUTSIDE);
	w->seen = own_memory(NR_BLOCKS * sizeof(uint32_t));
}

/* ---- contents ---- */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

static uint64_t unit_key(const struct block *b, size_t u, unsigned ver)
{
	return mix(mix(b->seed) + u * 0x10001 + ((uint64_t)ver << 48));
}

/*
 * The words that a unit repeats: an eighth of the units is zeros, an eighth
 * is one word, an eighth does not shrink, and the others do, to a quarter.
 */
static uint64_t unit_mask(uint64_t key)
{
	switch (key & 7) {
	case 0:
	case 1:
		return 0;
	case 2:
		return ~0UL;
	default:
		return 127;
	}
}

static inline uint64_t unit_word(uint64_t key, uint64_t mask, size_t i)
{
	return (key & 7) ? (key ^ (i & mask)) * 0x9e3779b97f4a7c15u + key : 0;
}

static void unit_fill(char *p, size_t n, uint64_t key)
{
	uint64_t mask = unit_mask(key), word;
	size_t i;

	for (i = 0; i < n / 8; i++) {
		word = unit_word(key, mask, i);
		memcpy(p + i * 8, &word, 8);
	}
	word = unit_word(key, mask, i);
	memcpy(p + i * 8, &word, n % 8);
}

/* The offset of the first wrong word, or n. */
static size_t unit_wrong(const char *p, size_t n, uint64_t key)
{
	uint64_t mask = unit_mask(key), word, found;
	size_t i;

	for (i = 0; i < n / 8; i++) {
		memcpy(&found, p + i * 8, 8);
		if (found != unit_word(key, mask, i))
			return i * 8;
	}
	word = unit_word(key, mask, i);
	return memcmp(p + i * 8, &word, n % 8) ? i * 8 : n;
}

static size_t unit_size(const struct block *b, size_t u)
{
	return b->size - u * UNIT < UNIT ? b->size - u * UNIT : UNIT;
}

static size_t wrong_at(const struct block *b, size_t u)
{
	size_t n = unit_size(b, u);
	unsigned ver = b->ver[u];
	const char *p = b->p + u * UNIT;

	if (ver == VER_UNKNOWN)
		return n;
	if (ver == VER_ZERO)
		return all_zero(p, n) ? n : 0;
	return unit_wrong(p, n, unit_key(b, u, ver));
}

static const char *looks_like(const struct block *b, size_t u)
{
	const char *p = b->p + u * UNIT;
	size_t n = unit_size(b, u);

	if (all_zero(p, n))
		return "zeros";
	for (unsigned v = VER_FIRST; v < b->ver[u]; v++)
		if (unit_wrong(p, n, unit_key(b, u, v)) == n)
			return v + 1u == b->ver[u] ? "the version before"
						   : "an old version";
	return "something else";
}

static void report(const struct block *b, size_t u, size_t off)
{
	struct mm_page_info info = { 0 };
	const char *p = b->p + u * UNIT;
	const char *what = looks_like(b, u);

	if (mm.query)
		mm.query(p, &info);
	usleep(20000);
	fail("wrong bytes at %p+%zu: block %zu at %p, %zu bytes, unit %zu of version %u; found %s; page state %d kind %d; 20 ms later it is %s",
	     (const void *)p, off, (size_t)(b - blocks), (const void *)b->p,
	     b->size, u, b->ver[u], what, info.state, info.kind,
	     wrong_at(b, u) == unit_size(b, u) ? "right" : "wrong, too");
}

void block_verify(struct block *b, size_t first, size_t nr)
{
	size_t end = first + nr < block_units(b) ? first + nr : block_units(b);

	for (size_t u = first; u < end; u++) {
		size_t off = wrong_at(b, u);

		if (off != unit_size(b, u))
			report(b, u, off);
		if (u % 64 == 0)
			at(beat->where);
	}
	__atomic_add_fetch(&shared->units_checked, end - first,
			   __ATOMIC_RELAXED);
}

void verify_bytes(struct block *b, size_t off, size_t len)
{
	block_verify(b, off / UNIT, (off % UNIT + len + UNIT - 1) / UNIT);
}

/* ---- changes; the caller has begun one ---- */

void block_begin(struct block *b)
{
	__atomic_add_fetch(&seqs[b - blocks], 1, __ATOMIC_SEQ_CST);
}

void block_end(struct block *b)
{
	__atomic_add_fetch(&seqs[b - blocks], 1, __ATOMIC_SEQ_CST);
}

void block_write(struct block *b, size_t first, size_t nr)
{
	size_t end = first + nr < block_units(b) ? first + nr : block_units(b);

	for (size_t u = first; u < end; u++) {
		b->ver[u] = next_version(b->ver[u]);
		unit_fill(b->p + u * UNIT, unit_size(b, u),
			  unit_key(b, u, b->ver[u]));
		if (u % 64 == 0)
			at(beat->where);
	}
	__atomic_add_fetch(&shared->units_written, end - first,
			   __ATOMIC_RELAXED);
}

void junk(void *p, size_t n)
{
	memset(p, 0xa5, n);
}

static void set_versions(struct block *b, size_t first, unsigned ver)
{
	for (size_t u = first; u < block_units(b); u++)
		b->ver[u] = (uint16_t)ver;
}

static void block_new(struct worker *w, struct block *b, size_t size)
{
	bool zeroed = pick(w, 3) == 0;

	b->seed += NR_BLOCKS * 1000003UL;
	switch (zeroed ? 0 : 1 + pick(w, 8)) {
	case 0:
		b->p = calloc(1, size);
		break;
	case 1:
		b->p = memalign((size_t)16 << pick(w, 10), size);
		break;
	default:
		b->p = malloc(size);
	}
	b->size = b->p ? size : 0;
	if (!b->p) {
		fail("no memory for %zu bytes", size);
		return;
	}
	set_versions(b, 0, zeroed ? VER_ZERO : VER_UNKNOWN);
	if (zeroed && pick(w, 2))
		block_verify_all(b);
	/* of some blocks only a part */
	block_write(b, 0,
		    pick(w, 8) ? block_units(b) : 1 + pick(w, block_units(b)));
	if (b->class == LARGE)
		w->large_bytes += size;
	if (size > OWN_MAPPING)
		count_op("own mapping");
}

void block_drop(struct worker *w, struct block *b)
{
	if (b->class == LARGE)
		w->large_bytes -=
			b->size < w->large_bytes ? b->size : w->large_bytes;
	free(b->p);
	b->p = NULL;
	b->size = 0;
}

/* realloc, and the tail of the last unit with new contents. */
static void block_resize(struct worker *w, struct block *b, size_t size)
{
	size_t old = b->size, old_units = block_units(b);
	char *p = realloc(b->p, size);

	if (!p) {
		fail("no memory for realloc to %zu bytes", size);
		return;
	}
	if (p != b->p && old > OWN_MAPPING && size > old)
		count_op("own mapping moved");
	else if (p != b->p && size > LARGE_MIN)
		count_op("large moved");
	b->p = p;
	b->size = size < old ? size : old;
	if (pick(w, 2))
		block_verify(b, pick(w, old_units), 64);
	b->size = size;
	if (size > old) {
		if (old % UNIT)
			b->ver[old_units - 1] = VER_UNKNOWN;
		set_versions(b, old_units, VER_UNKNOWN);
		block_write(b, old_units - 1, block_units(b));
	}
	if (b->class == LARGE)
		w->large_bytes += size - old;
}

/* ---- choices ---- */

static unsigned *slot(struct worker *w, enum block_class c)
{
	return &w->own[class_start[c] +
		       pick(w, class_start[c + 1] - class_start[c])];
}

struct block *any_block(struct worker *w, enum block_class c)
{
	return &blocks[*slot(w, c)];
}

struct block *live_block(struct worker *w, enum block_class c)
{
	for (int i = 0; i < 8; i++) {
		struct block *b = any_block(w, c);

		if (b->p)
			return b;
	}
	return NULL;
}

static enum block_class any_class(struct worker *w)
{
	size_t n = pick(w, 10);

	return n < 5 ? SMALL : n < 9 ? MEDIUM : LARGE;
}

static size_t any_size(struct worker *w, enum block_class c)
{
	switch (c) {
	case SMALL:
		return 1 + pick(w, (size_t)16 << pick(w, 10));
	case MEDIUM:
		return 8 * KIB + pick(w, (size_t)8 * KIB << pick(w, 7));
	default:
		/* a few MiB, or so much that it has a mapping of its own */
		if (pick(w, 3))
			return LARGE_MIN + pick(w, 4 * MIB);
		return OWN_MAPPING + pick(w, LARGE_MAX - OWN_MAPPING);
	}
}

static bool affordable(struct worker *w, struct block *b, size_t size)
{
	return b->class != LARGE ||
	       w->large_bytes - b->size + size <= large_budget;
}

struct range page_range(struct worker *w, size_t max)
{
	struct range r = { .b = live_block(w, pick(w, 3) ? MEDIUM : LARGE) };
	size_t start, end, first;

	if (!r.b)
		return r;
	start = -(uintptr_t)r.b->p % UNIT;
	end = ((uintptr_t)r.b->p + r.b->size) / UNIT * UNIT - (uintptr_t)r.b->p;
	if (start + UNIT > end) {
		r.b = NULL;
		return r;
	}
	first = pick(w, (end - start) / UNIT);
	r.off = start + first * UNIT;
	r.len = UNIT * (1 + pick(w, (end - r.off) / UNIT));
	if (r.len > max)
		r.len = max;
	return r;
}

/* ---- operations ---- */

void op_replace(struct worker *w)
{
	enum block_class c = pick(w, 4) ? SMALL : MEDIUM;
	unsigned nr = c == SMALL ? 1 + (unsigned)pick(w, 30) : 1;

	while (nr--) {
		struct block *b = any_block(w, c);

		block_begin(b);
		if (b->p) {
			if (pick(w, 2))
				block_verify_all(b);
			block_drop(w, b);
		}
		if (pick(w, 16))
			block_new(w, b, any_size(w, c));
		block_end(b);
	}
}

void op_large(struct worker *w)
{
	struct block *b = any_block(w, LARGE);
	size_t size = any_size(w, LARGE);

	block_begin(b);
	if (b->p)
		block_drop(w, b);
	if (affordable(w, b, size))
		block_new(w, b, size);
	block_end(b);
}

void op_resize(struct worker *w)
{
	struct block *b = live_block(w, any_class(w));
	size_t size;

	if (!b)
		return;
	size = any_size(w, b->class);
	/* large blocks grow a little in place, or much and move */
	if (b->class == LARGE && pick(w, 2))
		size = b->size + pick(w, 4 * MIB);
	if (size > LARGE_MAX || !affordable(w, b, size))
		size = LARGE_MIN;
	if (b->class == LARGE && !affordable(w, b, size))
		return;
	block_begin(b);
	block_resize(w, b, size);
	block_end(b);
}

void op_verify(struct worker *w)
{
	struct block *b = live_block(w, any_class(w));

	if (b)
		block_verify(b, pick(w, 4) ? pick(w, block_units(b)) : 0,
			     pick(w, 2) ? 32 : 2048);
}

void op_write(struct worker *w)
{
	struct block *b = live_block(w, any_class(w));

	if (!b)
		return;
	block_begin(b);
	block_write(b, pick(w, block_units(b)), 1 + pick(w, 64));
	block_end(b);
}

/* Blocks come to be freed and resized by threads that did not make them. */
void op_exchange(struct worker *w)
{
	enum block_class c = pick(w, 2) ? SMALL : MEDIUM;
	unsigned *own = slot(w, c);

	*own = __atomic_exchange_n(&exchange[c][pick(w, NR_EXCHANGE)], *own,
				   __ATOMIC_ACQ_REL);
}
