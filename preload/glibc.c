// SPDX-License-Identifier: MIT
/*
 * preload/glibc.c - glibc's introspection, answered with true numbers
 *
 * What glibc calls the arena is every zone here, what it calls mmapped are
 * the blocks with a mapping of their own:
 *
 *   arena = committed - vma_committed      in use = requested - vma_bytes
 *   free in the arena = arena - in use     system = arena + vma_committed
 *
 * Free is what no live block has, so free objects in a slab in use count too.
 * Fast bins do not exist; their numbers are 0.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include "mm/mm.h"
#include "os/os.h"
#include "alias.h"

#define MAX_MXFAST  (80 * sizeof(size_t) / 4) /* as glibc has it */
#define M_PURGE	    (-101) /* bionic's, with libmm's malloc it works too */
#define M_PURGE_ALL (-104)

struct mallinfo __libc_mallinfo(void);

static size_t arena_bytes(const struct mm_stats *st)
{
	return st->committed - st->vma_committed;
}

static size_t arena_in_use(const struct mm_stats *st)
{
	return st->requested - st->vma_bytes;
}

static size_t arena_free(const struct mm_stats *st)
{
	return arena_bytes(st) - arena_in_use(st);
}

/* uordblks is every live byte, so that one number answers "how much". */
__public struct mallinfo2 mallinfo2(void)
{
	struct mm_stats st;

	mm_stats(&st);
	return (struct mallinfo2){
		.arena = arena_bytes(&st),
		.ordblks = st.free_blocks,
		.hblks = st.vma_blocks,
		.hblkhd = st.vma_bytes,
		.uordblks = st.requested,
		.fordblks = arena_free(&st),
		.keepcost = st.committed - st.used,
	};
}

static int clamp_int(size_t v)
{
	return v > INT_MAX ? INT_MAX : (int)v;
}

__public struct mallinfo __libc_mallinfo(void)
{
	struct mallinfo2 mi = mallinfo2();

	return (struct mallinfo){
		.arena = clamp_int(mi.arena),
		.ordblks = clamp_int(mi.ordblks),
		.hblks = clamp_int(mi.hblks),
		.hblkhd = clamp_int(mi.hblkhd),
		.uordblks = clamp_int(mi.uordblks),
		.fordblks = clamp_int(mi.fordblks),
		.keepcost = clamp_int(mi.keepcost),
	};
}

export_as(mallinfo, __libc_mallinfo);

static void stats_lines(struct mm_out *o, const char *title, size_t system,
			size_t in_use)
{
	out_printf(o, "%s\n", title);
	out_printf(o, "system bytes     = %10zu\n", system);
	out_printf(o, "in use bytes     = %10zu\n", in_use);
}

__public void malloc_stats(void)
{
	struct mm_stats st;
	struct mm_out o;

	mm_stats(&st);
	out_init(&o, 2);
	stats_lines(&o, "Arena 0:", arena_bytes(&st), arena_in_use(&st));
	stats_lines(&o, "Total (incl. mmap):", st.committed, st.requested);
	out_printf(&o, "max mmap regions = %10zu\n", st.peak_vma_blocks);
	out_printf(&o, "max mmap bytes   = %10zu\n", st.peak_vma_bytes);
	out_flush(&o);
}

static void info_free(FILE *f, const struct mm_stats *st)
{
	fprintf(f,
		"<total type=\"fast\" count=\"0\" size=\"0\"/>\n"
		"<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n",
		st->free_blocks, arena_free(st));
}

static void info_system(FILE *f, const struct mm_stats *st)
{
	fprintf(f,
		"<system type=\"current\" size=\"%zu\"/>\n"
		"<system type=\"max\" size=\"%zu\"/>\n"
		"<aspace type=\"total\" size=\"%zu\"/>\n"
		"<aspace type=\"mprotect\" size=\"%zu\"/>\n",
		arena_bytes(st), st->peak_committed, st->reserved,
		arena_bytes(st));
}

/* One attribute for each number of struct mm_stats. */
static void info_mm(FILE *f, const struct mm_stats *st)
{
	fprintf(f,
		"<mm requested=\"%zu\" used=\"%zu\" committed=\"%zu\" "
		"reserved=\"%zu\" metadata=\"%zu\"\n",
		st->requested, st->used, st->committed, st->reserved,
		st->metadata);
	fprintf(f,
		"    small_bytes=\"%zu\" small_objects=\"%zu\" "
		"large_bytes=\"%zu\" large_blocks=\"%zu\" "
		"vma_bytes=\"%zu\" vma_blocks=\"%zu\"\n",
		st->small_bytes, st->small_objects, st->large_bytes,
		st->large_blocks, st->vma_bytes, st->vma_blocks);
	fprintf(f,
		"    dma_committed=\"%zu\" normal_committed=\"%zu\" "
		"highmem_committed=\"%zu\" vma_committed=\"%zu\" "
		"free_blocks=\"%zu\"\n",
		st->zone_committed[MM_ZONE_DMA],
		st->zone_committed[MM_ZONE_NORMAL],
		st->zone_committed[MM_ZONE_HIGHMEM], st->vma_committed,
		st->free_blocks);
	fprintf(f,
		"    peak_committed=\"%zu\" peak_vma_bytes=\"%zu\" "
		"peak_vma_blocks=\"%zu\"\n"
		"    nodes=\"%u\" windows=\"%u\" heaps=\"%u\"/>\n",
		st->peak_committed, st->peak_vma_bytes, st->peak_vma_blocks,
		st->nr_nodes, st->nr_windows, st->nr_heaps);
}

/* The snapshot is taken first; stdio may allocate after it. */
__public int malloc_info(int options, FILE *f)
{
	struct mm_stats st;

	if (options)
		return EINVAL;
	mm_stats(&st);
	fputs("<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n</sizes>\n",
	      f);
	info_free(f, &st);
	info_system(f, &st);
	fputs("</heap>\n", f);
	info_free(f, &st);
	fprintf(f, "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n",
		st.vma_blocks, st.vma_bytes);
	info_system(f, &st);
	info_mm(f, &st);
	fputs("</malloc>\n", f);
	return 0;
}

__public int malloc_trim(size_t keep)
{
	return mm_trim(keep) > 0;
}

/* glibc's parameters steer what does not exist here: accepted, no effect. */
__public int mallopt(int param, int value)
{
	switch (param) {
	case M_MXFAST:
		return (size_t)value <= MAX_MXFAST;
	case M_PURGE:
	case M_PURGE_ALL:
		mm_trim(0);
		return 1;
	case M_NLBLKS:
	case M_GRAIN:
	case M_KEEP:
	case M_TRIM_THRESHOLD:
	case M_TOP_PAD:
	case M_MMAP_THRESHOLD:
	case M_MMAP_MAX:
	case M_CHECK_ACTION:
	case M_PERTURB:
	case M_ARENA_TEST:
	case M_ARENA_MAX:
		return 1;
	default:
		return 0;
	}
}

export_as(__libc_mallopt, mallopt);
