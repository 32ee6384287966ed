/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "nodes.h"

#define PAGE	 ((uintptr_t)4096)
#define MAX_CPUS 64

void run_on_node(unsigned node)
{
	cpu_set_t set;
	char path[80];

	CPU_ZERO(&set);
	for (int cpu = 0; cpu < MAX_CPUS; cpu++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%u/cpu%d", node, cpu);
		if (!access(path, F_OK))
			CPU_SET(cpu, &set);
	}
	if (sched_setaffinity(0, sizeof(set), &set)) {
		fprintf(stderr, "node %u: %s\n", node, strerror(errno));
		exit(2);
	}
}

void start_on_node(unsigned node, void *(*body)(void *))
{
	pthread_t thread;

	run_on_node(node);
	if (pthread_create(&thread, NULL, body, NULL)) {
		perror("pthread_create");
		exit(2);
	}
	pthread_join(thread, NULL);
}

struct block get_block(size_t size)
{
	struct block b = { malloc(size), size };

	if (!b.p) {
		fprintf(stderr, "no memory for %zu bytes\n", size);
		exit(2);
	}
	memset(b.p, 1, size);
	return b;
}

/* As many of each power of two. */
static size_t random_size(size_t low, size_t high, uint64_t *rnd)
{
	size_t doublings =
		(size_t)__builtin_clzl(low) - (size_t)__builtin_clzl(high);
	size_t size = low << random_next(rnd) % (doublings + 1);

	size += random_next(rnd) % size;
	return size < high ? size : high;
}

void get_blocks(struct block *blocks, size_t nr, size_t low, size_t high,
		uint64_t *rnd)
{
	for (size_t i = 0; i < nr; i++)
		blocks[i] = get_block(random_size(low, high, rnd));
}

void free_blocks(struct block *blocks, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(blocks[i].p);
}

static int by_address(const void *a, const void *b)
{
	const uintptr_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The addresses of all pages of the blocks, in order, each once. */
static size_t list_pages(const struct block *blocks, size_t nr, uintptr_t *list)
{
	size_t n = 0, unique = 0;

	for (size_t i = 0; i < nr; i++) {
		uintptr_t start = (uintptr_t)blocks[i].p;
		uintptr_t at = start & -PAGE;

		for (; at < start + blocks[i].size; at += PAGE)
			if (!n || list[n - 1] != at)
				list[n++] = at;
	}
	qsort(list, n, sizeof(*list), by_address);
	for (size_t i = 0; i < n; i++)
		if (!unique || list[unique - 1] != list[i])
			list[unique++] = list[i];
	return unique;
}

static size_t most_pages(const struct block *blocks, size_t nr)
{
	size_t n = 1;

	for (size_t i = 0; i < nr; i++)
		n += blocks[i].size / PAGE + 2;
	return n;
}

/* Kept for the next time: when memory is used up, there is none for this. */
static __thread struct {
	size_t most;
	uintptr_t *list;
	int *status;
} pages;

static void make_room(size_t most)
{
	if (most <= pages.most)
		return;
	if (pages.most) {
		munmap(pages.list, pages.most * sizeof(*pages.list));
		munmap(pages.status, pages.most * sizeof(*pages.status));
	}
	pages.most = most;
	pages.list = own_memory(most * sizeof(*pages.list));
	pages.status = own_memory(most * sizeof(*pages.status));
}

struct tally tally_blocks(const struct block *blocks, size_t nr)
{
	uintptr_t *list;
	struct tally t = { 0 };
	int *status;

	make_room(most_pages(blocks, nr));
	list = pages.list;
	status = pages.status;
	t.pages = list_pages(blocks, nr, list);

	if (syscall(SYS_move_pages, 0, t.pages, list, NULL, status, 0) < 0) {
		perror("move_pages");
		exit(2);
	}
	/* what is on no node has a negative status and is counted nowhere */
	for (size_t i = 0; i < t.pages; i++)
		if (status[i] >= 0 && status[i] < MAX_NODES)
			t.on[status[i]]++;
	return t;
}

unsigned percent_on(const struct tally *t, unsigned node)
{
	return t->pages ? (unsigned)(t->on[node] * 100 / t->pages) : 0;
}

void tally_print(const char *what, const struct tally *t)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "%s: %zu pages, by node", what,
			 t->pages);

	for (unsigned i = 0; i < MAX_NODES && n < 200; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %zu",
			      t->on[i]);
	puts(text);
}

bool blocks_are_on(const char *what, const struct block *blocks, size_t nr,
		   unsigned node, unsigned percent)
{
	struct tally t = tally_blocks(blocks, nr);

	tally_print(what, &t);
	return percent_on(&t, node) >= percent;
}

size_t node_free(unsigned node)
{
	char path[80], key[40];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo",
		 node);
	snprintf(key, sizeof(key), "Node %u MemFree:", node);
	return proc_number(path, key) * KIB;
}
