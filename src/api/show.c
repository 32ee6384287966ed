// SPDX-License-Identifier: MIT
/*
 * api/show.c - buddyinfo, slabinfo, zoneinfo, vmstat and the rest, as text
 *
 * Field for field as Linux prints them, so that what reads /proc can read this.
 * Totals come out of one snapshot, lists of zones as they are when they are
 * printed. Nothing is allocated.
 */
#include <errno.h>
#include <string.h>
#include "api/show.h"
#include "side/option.h"

static const char *const zone_name[MM_NR_ZONES] = { "DMA", "Normal",
						    "HighMem" };

static void show_buddyinfo(struct mm_out *o, const struct snapshot *s)
{
	(void)s;
	for_each_zone(z) {
		out_printf(o, "Node %u, zone %8s ", nodes[z->nid].phys,
			   zone_name[z->type]);
		for (unsigned i = 0; i < NR_ORDERS; i++)
			out_printf(o, "%6u ",
				   z->area[i].nr[0] + z->area[i].nr[1]);
		out_printf(o, "\n");
	}
}

static void show_slabinfo(struct mm_out *o, const struct snapshot *s)
{
	out_printf(
		o,
		"slabinfo - version: 2.1\n"
		"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	for (unsigned c = NR_CLASSES - 1; c; c--) {
		const struct cache_info *i = &s->cache[c];
		char name[24];

		if (!i->slabs)
			continue;
		os_format(name, sizeof(name), "malloc-%u", class_bytes[c]);
		out_printf(
			o,
			"%-17s %6zu %6zu %6u %4u %4u : tunables %4u %4u %4u : slabdata %6zu %6zu %6u\n",
			name, i->live, i->capacity, class_bytes[c],
			(unsigned)(SLAB_SIZE / class_bytes[c]),
			(unsigned)(SLAB_SIZE >> PAGE_SHIFT), 0, 0, 0, i->slabs,
			i->slabs, 0);
	}
}

static void show_zone(struct mm_out *o, const struct zone *z)
{
	out_printf(o,
		   "Node %u, zone %8s\n  pages free     %zu\n"
		   "        boost    0\n        min      %zu\n"
		   "        low      %zu\n        high     %zu\n",
		   nodes[z->nid].phys, zone_name[z->type], z->nr_free,
		   z->wmark[WMARK_MIN], z->wmark[WMARK_LOW],
		   z->wmark[WMARK_HIGH]);
	out_printf(o,
		   "        spanned  %zu\n        present  %zu\n"
		   "        managed  %zu\n        cma      0\n"
		   "        protection: (0, 0, 0)\n",
		   z->nr_spanned, z->nr_managed, z->nr_managed);
	out_printf(o,
		   "      nr_free_pages %zu\n      nr_dirty_free %zu\n"
		   "      nr_committed %zu\n",
		   z->nr_free, z->nr_dirty, z->nr_present);
	out_printf(o, "  pagesets\n  node_unreclaimable:  0\n");
	out_printf(o, "  start_pfn:           %zu\n",
		   z->nr_spans ? (size_t)z->span[0].start : 0);
}

static void show_zoneinfo(struct mm_out *o, const struct snapshot *s)
{
	(void)s;
	for_each_zone(z)
		show_zone(o, z);
}

static void show_vmstat(struct mm_out *o, const struct snapshot *s)
{
	for (unsigned i = 0; i < NR_STATS; i++)
		out_printf(o, "%s %lu\n", stat_name[i], s->counters.n[i]);
}

/* ---- numastat, as numastat(8) prints it ---- */

#define NUMA_ROW(f)                                                            \
	{                                                                      \
		.name = #f, .offset = offsetof(struct mm_node_stats, f)        \
	}

static const struct {
	char name[16];
	size_t offset; /* of the field with that name */
} numa_rows[] = {
	NUMA_ROW(numa_hit),	  NUMA_ROW(numa_miss),	NUMA_ROW(numa_foreign),
	NUMA_ROW(interleave_hit), NUMA_ROW(local_node), NUMA_ROW(other_node),
};

static uint64_t numa_figure(const struct mm_node_stats *n, unsigned row)
{
	return *(const uint64_t *)((const char *)n + numa_rows[row].offset);
}

static void show_numastat(struct mm_out *o, const struct snapshot *s)
{
	out_printf(o, "%-16s", "");
	for (unsigned i = 0; i < nr_nodes; i++) {
		char name[16];

		os_format(name, sizeof(name), "node%u", nodes[i].phys);
		out_printf(o, "%16s", name);
	}
	for (unsigned r = 0; r < ARRAY_SIZE(numa_rows); r++) {
		out_printf(o, "\n%-16s", numa_rows[r].name);
		for (unsigned i = 0; i < nr_nodes; i++)
			out_printf(o, "%16lu",
				   numa_figure(&s->stats.node[i], r));
	}
	out_printf(o, "\n");
}

/* ---- rows ---- */

static void text_rows(struct mm_out *o, int width, const struct row *row,
		      size_t nr)
{
	static const char *const unit[] = { " kB", "", "", " us" };

	for (const struct row *r = row; r < row + nr; r++) {
		char name[24];

		os_format(name, sizeof(name), "%s:", r->name);
		if (r->unit == HUNDREDTHS)
			out_printf(o, "%-16s%*zu.%02zu\n", name, width - 3,
				   r->value / 100, r->value % 100);
		else
			out_printf(o, "%-16s%*zu%s\n", name, width,
				   r->unit == BYTES ? r->value >> 10 : r->value,
				   unit[r->unit]);
	}
}

static void json_rows(struct mm_out *o, const char *name, const struct row *row,
		      size_t nr)
{
	out_printf(o, "  \"%s\": {", name);
	for (const struct row *r = row; r < row + nr; r++) {
		out_printf(o, "%s\n    \"%s\": ", r > row ? "," : "", r->name);
		if (r->unit == HUNDREDTHS)
			out_printf(o, "%zu.%02zu", r->value / 100,
				   r->value % 100);
		else
			out_printf(o, "%zu", r->value);
	}
	out_printf(o, "\n  },\n");
}

void show_rows(struct mm_out *o, const char *json, int width,
	       const struct row *row, size_t nr)
{
	if (json)
		json_rows(o, json, row, nr);
	else
		text_rows(o, width, row, nr);
}

static void mem_rows(struct mm_out *o, const struct mm_stats *st,
		     const char *json)
{
	const struct row rows[] = {
		{ "Requested", st->requested, BYTES },
		{ "Used", st->used, BYTES },
		{ "Committed", st->committed, BYTES },
		{ "Reserved", st->reserved, BYTES },
		{ "Metadata", st->metadata, BYTES },
		{ "Small", st->small_bytes, BYTES },
		{ "SmallObjects", st->small_objects, COUNT },
		{ "Large", st->large_bytes, BYTES },
		{ "LargeBlocks", st->large_blocks, COUNT },
		{ "Vma", st->vma_bytes, BYTES },
		{ "VmaBlocks", st->vma_blocks, COUNT },
		{ "ZoneDMA", st->zone_committed[MM_ZONE_DMA], BYTES },
		{ "ZoneNormal", st->zone_committed[MM_ZONE_NORMAL], BYTES },
		{ "ZoneHighMem", st->zone_committed[MM_ZONE_HIGHMEM], BYTES },
		{ "VmaCommitted", st->vma_committed, BYTES },
	};

	show_rows(o, json, 8, rows, ARRAY_SIZE(rows));
}

static void show_meminfo(struct mm_out *o, const struct snapshot *s)
{
	mem_rows(o, &s->stats, NULL);
}

static void show_options(struct mm_out *o, const struct snapshot *s)
{
	(void)s;
	option_print(o);
}

/* ---- JSON ---- */

static void json_zones(struct mm_out *o)
{
	const char *sep = "";

	out_printf(o, "  \"zones\": [");
	for_each_zone(z) {
		out_printf(
			o,
			"%s\n    {\"node\": %u, \"zone\": \"%s\", \"free\": %zu, \"dirty\": %zu, \"present\": %zu, ",
			sep, nodes[z->nid].phys, zone_name[z->type], z->nr_free,
			z->nr_dirty, z->nr_present);
		out_printf(
			o,
			"\"managed\": %zu, \"spanned\": %zu, \"min\": %zu, \"low\": %zu, \"high\": %zu, \"buddy\": [",
			z->nr_managed, z->nr_spanned, z->wmark[WMARK_MIN],
			z->wmark[WMARK_LOW], z->wmark[WMARK_HIGH]);
		for (unsigned i = 0; i < NR_ORDERS; i++)
			out_printf(o, "%s%u", i ? ", " : "",
				   z->area[i].nr[0] + z->area[i].nr[1]);
		out_printf(o, "]}");
		sep = ",";
	}
	out_printf(o, "\n  ],\n");
}

static void json_nodes(struct mm_out *o, const struct snapshot *s)
{
	out_printf(o, "  \"numastat\": [");
	for (unsigned i = 0; i < nr_nodes; i++) {
		out_printf(o, "%s\n    {\"node\": %u", i ? "," : "",
			   nodes[i].phys);
		for (unsigned r = 0; r < ARRAY_SIZE(numa_rows); r++)
			out_printf(o, ", \"%s\": %lu", numa_rows[r].name,
				   numa_figure(&s->stats.node[i], r));
		out_printf(o, "}");
	}
	out_printf(o, "\n  ],\n");
}

static void json_slabs(struct mm_out *o, const struct snapshot *s)
{
	const char *sep = "";

	out_printf(o, "  \"slabs\": [");
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		const struct cache_info *i = &s->cache[c];

		if (!i->slabs)
			continue;
		out_printf(
			o,
			"%s\n    {\"size\": %u, \"live\": %zu, \"objects\": %zu, \"slabs\": %zu}",
			sep, class_bytes[c], i->live, i->capacity, i->slabs);
		sep = ",";
	}
	out_printf(o, "\n  ],\n");
}

static void show_json(struct mm_out *o, const struct snapshot *s)
{
	out_printf(o, "{\n  \"schema\": 1,\n  \"version\": \"%s\",\n",
		   mm_version());
	mem_rows(o, &s->stats, "meminfo");
	json_zones(o);
	json_nodes(o, s);
	json_slabs(o, s);
	swap_rows(o, "swapinfo");
	out_printf(o, "  \"vmstat\": {");
	for (unsigned i = 0; i < NR_STATS; i++)
		out_printf(o, "%s\n    \"%s\": %lu", i ? "," : "", stat_name[i],
			   s->counters.n[i]);
	out_printf(o, "\n  }\n}\n");
}

/* ---- which view ---- */

static const struct view {
	const char *name;
	void (*show)(struct mm_out *o, const struct snapshot *s);
} views[] = {
	{ "buddyinfo", show_buddyinfo }, { "slabinfo", show_slabinfo },
	{ "zoneinfo", show_zoneinfo },	 { "numastat", show_numastat },
	{ "vmstat", show_vmstat },	 { "meminfo", show_meminfo },
	{ "swaps", show_swaps },	 { "swapinfo", show_swapinfo },
	{ "pressure", show_pressure },	 { "options", show_options },
	{ "json", show_json },
};

static int show(const struct view *v, struct mm_out *o, bool title)
{
	struct heap *h = door_enter();
	struct snapshot *s; /* too large for a thread's stack */
	int err = -ENOMEM;

	if (!h)
		return -EAGAIN;
	s = os_map(sizeof(*s));
	if (s) {
		remote_flush(h);
		take_snapshot(s);
		if (title)
			out_printf(o, "== %s ==\n", v->name);
		v->show(o, s);
		err = out_flush(o);
		os_unmap(s, sizeof(*s));
	}
	door_leave(h);
	return err;
}

__public int mm_show(const char *view, int fd)
{
	struct mm_out o;

	out_init(&o, fd);
	for (size_t i = 0; view && i < ARRAY_SIZE(views); i++)
		if (!strcmp(view, views[i].name))
			return show(&views[i], &o, false);
	return -EINVAL;
}

static void show_json_file(const char *path)
{
	int fd = os_open_write(path);
	int err = fd < 0 ? fd : mm_show("json", fd);

	if (fd >= 0)
		os_close(fd);
	if (err)
		mm_warn("cannot write statistics to %s: error %d. Choose another path with MM_OPTIONS=stats=json:PATH",
			path, -err);
}

static int exit_fd = -1;
static struct os_file_id exit_file;

/* Programs may close standard error in their own exit handlers. */
void show_init(void)
{
	os_file_id(2, &exit_file);
	exit_fd = os_dup(2, 100);
}

/* Or all that there is, and then a file of theirs may have the number. */
static bool leads_to_stderr(int fd)
{
	struct os_file_id now;

	return !os_file_id(fd, &now) && !memcmp(&now, &exit_file, sizeof(now));
}

void show_at_exit(void)
{
	struct mm_out o;

	if (mm_options.stats.word == STATS_JSON)
		show_json_file(mm_options.stats.text);
	if (mm_options.stats.word != STATS_EXIT)
		return;
	out_init(&o, leads_to_stderr(exit_fd) ? exit_fd : 2);
	if (!leads_to_stderr(o.fd))
		return;
	for (size_t i = 0; i + 2 < ARRAY_SIZE(views); i++)
		show(&views[i], &o, true);
}
