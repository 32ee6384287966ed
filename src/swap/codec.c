// SPDX-License-Identifier: MIT
/*
 * swap/codec.c - pages to entries and back: LZ4, zstd, raw, and XXH3 sums
 *
 * Nothing here allocates: a coder is one mapping, and each library works in a
 * part of it. What can go wrong in decoding is told by the sum before it is
 * tried, and by the length afterwards.
 */
#include <errno.h>
#include <string.h>
#include <lz4.h>
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "os/os.h"
#include "swap/store.h"

#define PART_ALIGN 64

static size_t level_bytes(int level)
{
	return ZSTD_estimateCCtxSize_usingCParams(
		ZSTD_getCParams(level, PAGE_SIZE, 0));
}

static size_t zstd_bytes(void)
{
	return max_size(level_bytes(ZSTD_FIRST), level_bytes(ZSTD_SETTLED));
}

static bool set_level(struct swap_coder *c, int level)
{
	if (c->level == level)
		return true;
	c->level = level;
	return !ZSTD_isError(ZSTD_CCtx_setParameter(
		c->zstd, ZSTD_c_compressionLevel, level));
}

/* The next part of the coder's mapping. */
static void *part(char **at, size_t bytes)
{
	char *p = *at;

	*at += align_up(bytes, PART_ALIGN);
	return p;
}

/* Frames carry neither magic nor sizes nor sums: the entry's header does. */
static bool set_up_zstd(struct swap_coder *c)
{
	return c->zstd && set_level(c, ZSTD_FIRST) &&
	       !ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_format,
						    ZSTD_f_zstd1_magicless)) &&
	       !ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd,
						    ZSTD_c_contentSizeFlag, 0));
}

struct swap_coder *swap_coder_new(bool encode)
{
	size_t unzstd = ZSTD_estimateDCtxSize(),
	       zstd = encode ? zstd_bytes() : 0;
	size_t lz4 = encode ? (size_t)LZ4_sizeofState() : 0;
	size_t size = align_up(KIB(1) + 2 * ENTRY_MAX + unzstd + zstd + lz4 +
				       (encode ? CHUNK_BYTES : 0),
			       os_page_size());
	char *at = os_map(size);
	struct swap_coder *c;

	if (!at)
		return NULL;
	c = part(&at, sizeof(*c));
	c->entry = part(&at, ENTRY_MAX);
	c->unzstd = ZSTD_initStaticDCtx(part(&at, unzstd), unzstd);
	BUG_ON(!c->unzstd ||
	       ZSTD_isError(ZSTD_DCtx_setParameter(c->unzstd, ZSTD_d_format,
						   ZSTD_f_zstd1_magicless)));
	if (!encode)
		return c;
	c->plain = part(&at, PAGE_SIZE);
	c->lz4 = part(&at, lz4);
	c->zstd = ZSTD_initStaticCCtx(part(&at, zstd), zstd);
	BUG_ON(!set_up_zstd(c));
	c->chunk = part(&at, CHUNK_BYTES);
	return c;
}

bool page_is_filled(const void *page, uint32_t *pattern)
{
	const uint64_t *w = page;
	uint32_t low = (uint32_t)w[0];
	uint64_t both = (uint64_t)low << 32 | low;

	for (size_t i = 0; i < PAGE_SIZE / sizeof(*w); i += 4)
		if ((w[i] ^ both) | (w[i + 1] ^ both) | (w[i + 2] ^ both) |
		    (w[i + 3] ^ both))
			return false;
	*pattern = low;
	return true;
}

void page_fill(void *page, uint32_t pattern)
{
	uint32_t *w = page;

	for (size_t i = 0; i < PAGE_SIZE / sizeof(*w); i++)
		w[i] = pattern;
}

static void finish(struct entry *e, enum codec codec, size_t bytes)
{
	e->codec = (uint16_t)codec;
	e->bytes = (uint16_t)bytes;
	e->sum = XXH3_64bits(e->data, bytes);
}

bool entry_code_lz4(struct swap_coder *c, const void *page, size_t most)
{
	int bytes = LZ4_compress_fast_extState(
		c->lz4, page, (char *)c->entry->data, PAGE_SIZE, (int)most, 1);

	if (bytes <= 0)
		return false;
	finish(c->entry, CODEC_LZ4, (size_t)bytes);
	return true;
}

void entry_code_raw(struct swap_coder *c, const void *page)
{
	memcpy(c->entry->data, page, PAGE_SIZE);
	finish(c->entry, CODEC_RAW, PAGE_SIZE);
}

bool entry_code_zstd(struct swap_coder *c, const void *page, size_t most,
		     enum zstd_level level)
{
	size_t bytes;

	if (!set_level(c, level))
		return false;
	bytes = ZSTD_compress2(c->zstd, c->entry->data, most, page, PAGE_SIZE);
	if (ZSTD_isError(bytes))
		return false;
	finish(c->entry, CODEC_ZSTD, bytes);
	return true;
}

static bool decode(struct swap_coder *c, const struct entry *e, void *page)
{
	switch (e->codec) {
	case CODEC_RAW:
		memcpy(page, e->data, PAGE_SIZE);
		return e->bytes == PAGE_SIZE;
	case CODEC_LZ4:
		return LZ4_decompress_safe((const char *)e->data, page,
					   e->bytes, PAGE_SIZE) == PAGE_SIZE;
	case CODEC_ZSTD:
		return ZSTD_decompressDCtx(c->unzstd, page, PAGE_SIZE, e->data,
					   e->bytes) == PAGE_SIZE;
	}
	return false;
}

int entry_decode(struct swap_coder *c, const struct entry *e, void *page)
{
	if (e->bytes > PAGE_SIZE || XXH3_64bits(e->data, e->bytes) != e->sum ||
	    !decode(c, e, page))
		return -EBADMSG;
	return 0;
}
