// SPDX-License-Identifier: MIT
/*
 * mmcore.c - fill a core dump with what was swapped out
 *
 * usage: mmcore CORE
 *
 * The kernel dumps zeros for pages that are out. What was in the staging or in
 * the pool is in the dump, too, where libmm had it: it is put where it belongs,
 * in place. What was in the swap file has vanished with the process. The core
 * must be of a process with the same version of libmm, and hold its anonymous
 * memory (see core(5)).
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "map/memmap.h"
#include "reclaim/swapd.h"
#include "swap/store.h"

static char *core; /* the file */
static const Elf64_Phdr *loads;
static unsigned nr_loads;

static struct table words, clusters, frames;
static struct swapd there;
static struct swap_coder *coder;
static size_t filled, from_stage, from_pool, lost, left_out;

/* ---- memory of the process ---- */

/* The segment of an address, or the next one above; NULL if there is none. */
static const Elf64_Phdr *segment(uint64_t addr)
{
	static const Elf64_Phdr *last;
	const Elf64_Phdr *best = NULL;

	if (last && addr - last->p_vaddr < last->p_filesz)
		return last;
	for (const Elf64_Phdr *ph = loads; ph < loads + nr_loads; ph++)
		if (ph->p_type == PT_LOAD &&
		    addr < ph->p_vaddr + ph->p_filesz &&
		    (!best || ph->p_vaddr < best->p_vaddr))
			best = ph;
	last = best ? best : last;
	return best;
}

/* @size bytes at an address, or NULL if the dump does not have them. */
static void *get(const void *p, size_t size)
{
	uint64_t addr = (uintptr_t)p;
	const Elf64_Phdr *ph = segment(addr);

	if (!ph || addr < ph->p_vaddr ||
	    addr - ph->p_vaddr + size > ph->p_filesz)
		return NULL;
	return core + ph->p_offset + (addr - ph->p_vaddr);
}

/* ---- pages ---- */

/* False if the dump does not have it, as what was in the file. */
static bool decode(uint32_t slot, void *page)
{
	const uint64_t *word = get((uint64_t *)words.base + slot, 8);
	const struct cluster *cl;
	const struct entry *e;

	if (!word || !(*word & WORD_LIVE))
		return false;
	cl = get((struct cluster *)clusters.base + word_cluster(*word),
		 sizeof(*cl));
	if (!cl || cl->where != IN_POOL)
		return false;
	e = get(frames.base + cl->place * CLUSTER_BYTES + word_offset(*word),
		sizeof(*e) + word_bytes(*word));
	return e && e->slot == slot && e->bytes == word_bytes(*word) &&
	       !entry_decode(coder, e, page);
}

static void from_store(swp_t swp, char *page)
{
	char got[PAGE_SIZE];

	if (swp & SWP_FILLED) {
		page_fill(page, (uint32_t)swp);
		filled++;
	} else if (!decode((uint32_t)swp, got)) {
		lost++;
	} else {
		memcpy(page, got, PAGE_SIZE);
		from_pool++;
	}
}

static void from_staging(uint64_t stage, char *page)
{
	const char *from =
		get(there.staging + (stage << PAGE_SHIFT), PAGE_SIZE);

	if (!from) {
		lost++;
		return;
	}
	memcpy(page, from, PAGE_SIZE);
	from_stage++;
}

static bool is_empty(const char *page)
{
	uint32_t pattern;

	return page_is_filled(page, &pattern) && !pattern;
}

/* What is on its way may have arrived. */
static void see_to(pte_t v, uintptr_t addr)
{
	unsigned state = pte_state(v);
	char *page;

	if (state < PTE_STAGED ||
	    (state == PTE_FILLING && (v & PTE_KIND_MASK) == PTE_FROM_ZERO))
		return;
	page = get((void *)addr, PAGE_SIZE);
	if (!page)
		left_out++;
	else if (state >= PTE_MOVING && state != PTE_PACKING && !is_empty(page))
		return;
	else if (state == PTE_SWAPPED ||
		 (state == PTE_FILLING &&
		  (v & PTE_KIND_MASK) == PTE_FROM_STORE))
		from_store(pte_value(v), page);
	else
		from_staging(pte_value(v), page);
}

/* The pages of a range; @ptes are those from @base on. */
static void see_to_range(const pte_t *ptes, uintptr_t base, uintptr_t start,
			 uintptr_t end)
{
	while (ptes && start < end) {
		const pte_t *pte = ptes + ((start - base) >> PAGE_SHIFT);
		const Elf64_Phdr *ph = segment((uintptr_t)pte);
		const pte_t *v = get(pte, sizeof(*pte));
		size_t skip = 1;

		if (v)
			see_to(*v, start);
		else if (ph && ph->p_vaddr > (uintptr_t)pte)
			skip = (ph->p_vaddr - (uintptr_t)pte + 7) /
			       sizeof(*pte);
		else
			return;
		start += skip << PAGE_SHIFT;
	}
}

/* ---- the page table ---- */

static void walk(uintptr_t slot, uintptr_t base, unsigned depth)
{
	const struct pgtable_geom *g = PGTABLE_GEOM;
	size_t nr = 1UL << (g->shift[0] - g->shift[1]);
	const struct pgtable_node *node;
	const struct mapping *m;

	if (!slot || (slot & PGTABLE_NODE && depth >= g->levels))
		return;
	if (!(slot & PGTABLE_NODE)) {
		uintptr_t end = base + (1UL << g->shift[depth]);

		m = get((void *)slot, sizeof(*m));
		if (m)
			see_to_range(m->ptes, m->start,
				     base < m->start ? m->start : base,
				     end < m->end ? end : m->end);
		return;
	}
	node = get((void *)(slot & ~PGTABLE_NODE),
		   sizeof(*node) + nr * sizeof(node->slots[0]));
	for (size_t i = 0; node && i < nr; i++)
		walk(node->slots[i], base + (i << g->shift[depth + 1]),
		     depth + 1);
}

/* ---- finding it all ---- */

static const struct core_info *find_in(const Elf64_Phdr *ph)
{
	const char *start = core + ph->p_offset, *end = start + ph->p_filesz;

	for (const char *p = start;
	     (p = memmem(p, (size_t)(end - p), CORE_MAGIC, sizeof(CORE_MAGIC)));
	     p++) {
		const struct core_info *info = (const struct core_info *)p;

		if ((size_t)(end - p) >= sizeof(*info) &&
		    (uintptr_t)info->self ==
			    ph->p_vaddr + (uintptr_t)(p - start))
			return info;
	}
	return NULL;
}

static const struct core_info *find_info(void)
{
	const struct core_info *info = NULL;

	for (unsigned i = 0; !info && i < nr_loads; i++)
		/* it is part of the library, which is small */
		if (loads[i].p_type == PT_LOAD && loads[i].p_filesz < MIB(64))
			info = find_in(&loads[i]);
	return info;
}

static int fill(const struct core_info *info)
{
	const struct pgtable *t = get(info->pgtable, sizeof(*t));
	const struct window *f = get(info->first, sizeof(*f));
	const struct swapd *s = get(info->swapd, sizeof(*s));
	const struct swap_core *store = get(info->store, sizeof(*store));
	const struct table *w = store ? get(store->words, sizeof(*w)) : NULL;
	const struct table *cl =
		store ? get(store->clusters, sizeof(*cl)) : NULL;
	const struct table *fr = store ? get(store->frames, sizeof(*fr)) : NULL;

	coder = swap_coder_new(false);
	if (!t || !f || !s || !w || !cl || !fr || !coder) {
		fprintf(stderr,
			"mmcore: the core lacks the data of libmm. Set bit 0 of /proc/PID/coredump_filter\n");
		return 1;
	}
	words = *w;
	clusters = *cl;
	frames = *fr;
	there = *s;
	see_to_range(f->ptes, f->base, f->base, f->base + f->size);
	walk(t->root, 0, 0);
	printf("%zu pages filled in: %zu from the staging, %zu from the pool, %zu of one word\n",
	       from_stage + from_pool + filled, from_stage, from_pool, filled);
	if (lost)
		printf("%zu pages are lost: they were in the swap file, which is gone. A larger swap_pool keeps more in memory\n",
		       lost);
	if (left_out)
		printf("%zu pages are not part of the core\n", left_out);
	return 0;
}

static bool holds(size_t size, uint64_t offset, uint64_t bytes)
{
	return offset <= size && bytes <= size - offset;
}

/* The program headers; false if it is no core dump of this machine. */
static bool find_loads(size_t size)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)core;
	const Elf64_Shdr *first;

	if (!holds(size, 0, sizeof(*eh)) ||
	    memcmp(eh->e_ident, ELFMAG, SELFMAG) ||
	    eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_type != ET_CORE ||
	    eh->e_phentsize != sizeof(*loads))
		return false;
	nr_loads = eh->e_phnum;
	if (nr_loads == PN_XNUM) {
		first = (const Elf64_Shdr *)(core + eh->e_shoff);
		if (!holds(size, eh->e_shoff, sizeof(*first)))
			return false;
		nr_loads = first->sh_info;
	}
	loads = (const Elf64_Phdr *)(core + eh->e_phoff);
	return holds(size, eh->e_phoff, nr_loads * sizeof(*loads));
}

static int open_core(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	size_t size;

	if (fd < 0 || fstat(fd, &st)) {
		perror(path);
		return 1;
	}
	size = (size_t)st.st_size;
	core = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (core == MAP_FAILED || !find_loads(size)) {
		fprintf(stderr, "mmcore: %s is not a core dump\n", path);
		return 1;
	}
	for (unsigned i = 0; i < nr_loads; i++)
		if (loads[i].p_type == PT_LOAD &&
		    !holds(size, loads[i].p_offset, loads[i].p_filesz)) {
			fprintf(stderr,
				"mmcore: %s is cut off. Raise ulimit -c\n",
				path);
			return 1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	const struct core_info *info;

	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr,
			"usage: mmcore CORE\nFills a core dump of a program that ran under libmm with what was swapped out.\n");
		return 2;
	}
	if (open_core(argv[1]))
		return 1;
	info = find_info();
	if (!info) {
		fprintf(stderr, "mmcore: %s has no libmm of this version\n",
			argv[1]);
		return 1;
	}
	return fill(info);
}
