/* SPDX-License-Identifier: MIT */
/*
 * place.c - blocks on a node, in a zone, and pins
 *
 * Whether pages are locked, and where they are, is asked of the kernel.
 */
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "check.h"
#include "identities.h"

#define PAGE	  ((size_t)4096)
#define NR_OF(a)  (sizeof(a) / sizeof(*(a)))
#define ALL_FLAGS (MM_LOCK | MM_WIPE | MM_DONTFORK | MM_HUGE)

static __typeof__(mm_page_query) *query;
static __typeof__(mm_trim) *trim;
static __typeof__(mm_alloc_node) *alloc_node;
static __typeof__(mm_node_of) *node_of;
static __typeof__(mm_alloc_zone) *alloc_zone;
static __typeof__(mm_pin) *pin;
static __typeof__(mm_unpin) *unpin;

static const size_t sizes[] = { 1, 100, 5000, 40000, 3 << 20, 40 << 20 };

static size_t locked_bytes(void)
{
	return proc_number("/proc/self/status", "\nVmLck") * KIB;
}

static struct mm_page_info asked(const void *p)
{
	struct mm_page_info info;

	CHECK(query(p, &info) == 0);
	return info;
}

/* ---- nodes ---- */

static void a_node_gives_blocks_of_any_size(void)
{
	int node = node_of(strcpy(malloc(100), "x"));
	char *kept[NR_OF(sizes)];

	CHECK(node >= 0);
	for (size_t i = 0; i < NR_OF(sizes); i++) {
		kept[i] = alloc_node(sizes[i], node);
		CHECK(kept[i] && malloc_usable_size(kept[i]) >= sizes[i]);
		CHECK(aligned_to(kept[i], 16));
		pattern_fill(kept[i], sizes[i], i);
		CHECK(node_of(kept[i]) == node);
	}
	for (size_t i = 0; i < NR_OF(sizes); i++) {
		CHECK(pattern_intact(kept[i], sizes[i], i));
		kept[i] = realloc(kept[i], sizes[i] * 2);
		CHECK(pattern_intact(kept[i], sizes[i], i));
		free(kept[i]);
	}
	free(alloc_node(0, node));
}

static void what_is_no_node_is_an_error(void)
{
	static const int wrong[] = { -1, 15, 16, 64, 1 << 30 };
	int on_stack;

	for (size_t i = 0; i < NR_OF(wrong); i++) {
		errno = 0;
		CHECK(!alloc_node(100, wrong[i]) && errno == EINVAL);
	}
	errno = 0;
	CHECK(!alloc_node(SIZE_MAX, 0) && errno == ENOMEM);
	CHECK(node_of(&on_stack) == -EINVAL);
	CHECK(node_of(NULL) == -EINVAL);
}

#define NR_SHARED 512
#define ROUNDS	  20000

static _Atomic(char *) shared[NR_SHARED];

static void *swap_blocks(void *arg)
{
	uint64_t rnd = (uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		size_t size = 16 + random_next(&rnd) % 3000;
		char *p = alloc_node(size, 0);

		*(size_t *)p = size;
		pattern_fill(p + 8, size - 8, size);
		p = __atomic_exchange_n(&shared[random_next(&rnd) % NR_SHARED],
					p, __ATOMIC_ACQ_REL);
		if (p)
			CHECK(pattern_intact(p + 8, *(size_t *)p - 8,
					     *(size_t *)p));
		free(p);
	}
	return NULL;
}

static void threads_share_the_heap_of_a_node(void)
{
	pthread_t threads[4];

	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, swap_blocks, (void *)(i + 1));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < NR_SHARED; i++)
		free(shared[i]);
}

/* ---- zones ---- */

static void check_zone_block(enum mm_zone_type zone, unsigned flags,
			     size_t size)
{
	size_t before = locked_bytes();
	char *p = alloc_zone(size, zone, flags);
	int locked = zone == MM_ZONE_DMA || (flags & MM_LOCK);
	struct mm_page_info info = asked(p + size - 1);
	size_t usable = malloc_usable_size(p);

	CHECK(p && usable >= size);
	CHECK(aligned_to(p, flags & MM_HUGE ? 2 * MIB : PAGE));
	CHECK(info.zone == zone && info.kind == MM_KIND_LARGE);
	CHECK(info.block == p && info.block_size == usable);
	CHECK(info.state == (locked ? MM_PAGE_PINNED : MM_PAGE_PRESENT));
	CHECK(locked_bytes() - before == (locked ? usable : 0));
	pattern_fill(p, usable, size + flags);
	trim(0);
	CHECK(pattern_intact(p, usable, size + flags));
	free(p);
	CHECK(locked_bytes() == before);
	if (flags & MM_WIPE)
		CHECK(all_zero(p, usable)); /* still mapped, as always */
	CHECK(asked(p).kind != MM_KIND_LARGE);
}

static void zones_give_what_was_asked_for(void)
{
	for (int zone = 0; zone < MM_NR_ZONES; zone++)
		for (unsigned flags = 0; flags <= ALL_FLAGS; flags++) {
			check_zone_block(zone, flags, 100);
			check_zone_block(zone, flags, 70000);
			check_zone_block(zone, flags, 5 << 20);
		}
	errno = 0;
	CHECK(!alloc_zone(100, MM_NR_ZONES, 0) && errno == EINVAL);
	CHECK(!alloc_zone(100, MM_ZONE_DMA, 16) && errno == EINVAL);
	CHECK(!alloc_zone(SIZE_MAX, MM_ZONE_DMA, 0) && errno == ENOMEM);
}

static void realloc_keeps_zone_and_flags(void)
{
	size_t before = locked_bytes();
	char *p = alloc_zone(10000, MM_ZONE_NORMAL, MM_LOCK | MM_WIPE), *q;

	pattern_fill(p, 10000, 1);
	CHECK(realloc(p, 9000) == p);
	q = realloc(p, 100000);
	CHECK(q != p && all_zero(p, 10000));
	CHECK(pattern_intact(q, 10000 / 8 * 8, 1));
	CHECK(asked(q).zone == MM_ZONE_NORMAL);
	CHECK(asked(q + 90000).state == MM_PAGE_PINNED);
	CHECK(locked_bytes() - before == malloc_usable_size(q));
	p = realloc(q, 10);
	CHECK(asked(p).zone == MM_ZONE_NORMAL);
	free(p);
	CHECK(locked_bytes() == before);
}

static int child_status(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Zeros in a child would be lost bytes, were they to stay so. */
static void freed_memory_is_copied_again(void)
{
	char *p = alloc_zone(70000, MM_ZONE_HIGHMEM, MM_DONTFORK), *q;
	pid_t pid;

	free(p);
	q = malloc(70000);
	CHECK(q == p);
	pattern_fill(q, 70000, 5);
	pid = fork();
	if (!pid)
		_exit(!pattern_intact(q, 70000, 5));
	CHECK(child_status(pid) == 0);
	free(q);
}

/* KiB in huge pages of the mapping that an address is in. */
static size_t huge_kib(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start, end, inside = 0;
	char line[512];
	size_t kib = 0;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)p && (uintptr_t)p < end;
		if (inside && sscanf(line, "AnonHugePages: %zu", &kib) == 1)
			break;
	}
	fclose(f);
	return kib;
}

static void huge_pages_are_used_if_there_are_any(void)
{
	char *p = alloc_zone(8 * MIB, MM_ZONE_NORMAL, MM_HUGE);
	char *control = own_memory(12 * MIB);

	control += -(uintptr_t)control % (2 * MIB);
	madvise(control, 8 * MIB, MADV_HUGEPAGE);
	memset(control, 1, 8 * MIB);
	memset(p, 1, 8 * MIB);
	if (huge_kib(control) < 8192)
		puts("there are no huge pages here");
	else
		CHECK(huge_kib(p) >= 8192);
	free(p);
	munmap(control, 8 * MIB);
}

static void child_has_no_copy(void)
{
	char *p = alloc_zone(20000, MM_ZONE_DMA, MM_DONTFORK);
	char *copied = alloc_zone(20000, MM_ZONE_DMA, 0);
	pid_t pid;

	pattern_fill(p, 20000, 7);
	pattern_fill(copied, 20000, 8);
	pid = fork();
	if (!pid) {
		CHECK(all_zero(p, 20000));
		CHECK(pattern_intact(copied, 20000, 8));
		/* locks are not inherited */
		CHECK(asked(copied).state == MM_PAGE_PRESENT);
		CHECK(locked_bytes() == 0);
		CHECK(unpin(copied, 20000) == -EINVAL);
		pattern_fill(p, 20000, 9);
		free(p);
		free(copied);
		for (int i = 0; i < 1000; i++)
			memset(malloc(10000), i, 10000);
		_exit(check_result());
	}
	CHECK(child_status(pid) == 0);
	CHECK(pattern_intact(p, 20000, 7));
	CHECK(asked(p).state == MM_PAGE_PINNED);
	free(p);
	free(copied);
}

/* ---- frames ---- */

/* The physical frame behind an address; 0 if we may not know. */
static uint64_t frame(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, (off_t)((uintptr_t)p / PAGE * 8)) != 8)
		entry = 0;
	close(fd);
	return entry >> 63 ? entry & ((1ul << 55) - 1) : 0;
}

static void frames_of_a_dma_block_stay(void)
{
	enum { NR = 64 };
	char *p = alloc_zone(NR * PAGE, MM_ZONE_DMA, MM_DONTFORK);
	uint64_t at[NR];
	pid_t pid;

	for (int i = 0; i < NR; i++)
		at[i] = frame(p + (size_t)i * PAGE);
	for (int round = 0; round < 3; round++) {
		char *other = malloc(64 * MIB);

		memset(other, round, 64 * MIB);
		free(other);
		trim(0);
		madvise(p, NR * PAGE, MADV_PAGEOUT);
	}
	pid = fork();
	if (!pid) {
		sleep(1);
		_exit(0);
	}
	/* with a child that might see the page, this would be a copy */
	memset(p, 1, NR * PAGE);
	for (int i = 0; i < NR; i++)
		CHECK(frame(p + (size_t)i * PAGE) == at[i]);
	CHECK(child_status(pid) == 0);
	free(p);
	if (!at[0])
		puts("frames are not to be seen by this user");
}

static void file_is_read_into_a_dma_block_directly(void)
{
	static const char path[] = "place-test.tmp";
	char *p = alloc_zone(64 * KIB, MM_ZONE_DMA, 0);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);

	unlink(path);
	pattern_fill(p, 64 * KIB, 3);
	if (fd < 0) {
		puts("no direct I/O here");
	} else {
		CHECK(write(fd, p, 64 * KIB) == 64 * KIB);
		memset(p, 0, 64 * KIB);
		CHECK(pread(fd, p, 64 * KIB, 0) == 64 * KIB);
		CHECK(pattern_intact(p, 64 * KIB, 3));
		close(fd);
	}
	free(p);
}

/* ---- pins ---- */

static void pins_of_a_page_add_up(void)
{
	for (size_t i = 0; i < NR_OF(sizes); i++) {
		size_t size = sizes[i], before = locked_bytes();
		char *p = malloc(size);
		enum mm_page_state unpinned;

		memset(p, 1, size);
		unpinned = asked(p).state;
		CHECK(pin(p, size) == 0);
		CHECK(asked(p).state == MM_PAGE_PINNED);
		CHECK(asked(p + size - 1).state == MM_PAGE_PINNED);
		CHECK(locked_bytes() - before >= size);
		CHECK(pin(p + size / 2, size - size / 2) == 0);
		CHECK(unpin(p, size) == 0);
		CHECK(asked(p + size - 1).state == MM_PAGE_PINNED);
		CHECK(unpin(p + size / 2, size - size / 2) == 0);
		CHECK(asked(p + size - 1).state == unpinned);
		CHECK(locked_bytes() == before);
		CHECK(unpin(p, size) == -EINVAL);
		free(p);
	}
}

static void freed_blocks_have_no_pins(void)
{
	size_t before = locked_bytes();

	for (size_t size = 40000; size <= 64 * MIB; size *= 5) {
		char *p = malloc(size), *q;

		memset(p, 1, size);
		CHECK(pin(p, size) == 0);
		CHECK(pin(p, 1) == 0);
		q = realloc(p, size * 3);
		CHECK(q[size - 1] == 1 && asked(q).state != MM_PAGE_PINNED);
		CHECK(locked_bytes() == before);
		CHECK(pin(q, size) == 0);
		free(q);
		CHECK(locked_bytes() == before);
	}
}

static void slabs_given_back_have_no_pins(void)
{
	enum { NR = 3000 };
	static char *p[NR];
	size_t before = locked_bytes();

	for (int i = 0; i < NR; i++) {
		p[i] = malloc(1000);
		CHECK(pin(p[i], 1000) == 0);
	}
	CHECK(locked_bytes() - before >= NR * 1000);
	for (int i = 0; i < NR; i++)
		free(p[i]);
	trim(0);
	/* a slab or two may be in use still */
	CHECK(locked_bytes() - before <= 128 * KIB);
}

static void what_is_no_block_is_not_pinned(void)
{
	char *p = malloc(100), *run = malloc(100000);
	int on_stack;

	CHECK(pin(NULL, 1) == -EINVAL);
	CHECK(pin(&on_stack, 1) == -EINVAL);
	CHECK(pin(p, 0) == -EINVAL);
	CHECK(pin(p, 10000) == -EINVAL);
	CHECK(pin((char *)((uintptr_t)p | 0xffff), 1) == -EINVAL);
	CHECK(pin(p, SIZE_MAX) == -EINVAL);
	CHECK(pin(run, malloc_usable_size(run) + 1) == -EINVAL);
	CHECK(pin(run + 50000, malloc_usable_size(run) - 50000) == 0);
	CHECK(unpin(run, 100000) == -EINVAL);
	CHECK(unpin(run + 50000, malloc_usable_size(run) - 50000) == 0);
	free(run);
	CHECK(pin(run, 1) == -EINVAL);
	free(p);
}

/* ---- the limit, which root has none of ---- */

static size_t lines_said(int fd)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));
	size_t lines = 0;

	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

static void limited(void)
{
	struct rlimit limit = { 64 * KIB, 64 * KIB };
	char *run = malloc(MIB), *vma = malloc(40 * MIB), *p;
	int out[2], saved = dup(2);

	memset(run, 1, MIB);
	CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	CHECK(geteuid() || setuid(65534) == 0);
	CHECK(pipe2(out, O_NONBLOCK) == 0 && dup2(out[1], 2) == 2);
	errno = 0;
	CHECK(!alloc_zone(MIB, MM_ZONE_DMA, 0) && errno == ENOMEM);
	CHECK(!alloc_zone(MIB, MM_ZONE_NORMAL, MM_LOCK) && errno == ENOMEM);
	CHECK(pin(run, MIB) == -ENOMEM);
	CHECK(pin(vma, 40 * MIB) == -ENOMEM);
	CHECK(pin(vma, 10) == 0 && pin(vma, 40 * MIB) == -ENOMEM);
	CHECK(locked_bytes() == PAGE);
	CHECK(unpin(vma, 10) == 0 && unpin(vma, 10) == -EINVAL);
	CHECK(dup2(saved, 2) == 2);
	CHECK(locked_bytes() == 0);
	CHECK(lines_said(out[0]) == 1);
	/* what is allowed still works, a page of it being locked already */
	CHECK(pin(run + 8 * PAGE, 1) == 0);
	CHECK(pin(run, MIB) == -ENOMEM);
	CHECK(locked_bytes() == PAGE);
	CHECK(pin(run, 16 * PAGE) == 0);
	CHECK(locked_bytes() == 64 * KIB);
	CHECK(unpin(run, 16 * PAGE) == 0);
	CHECK(asked(run + 8 * PAGE).state == MM_PAGE_PINNED);
	CHECK(locked_bytes() == PAGE);
	free(run);
	p = alloc_zone(64 * KIB, MM_ZONE_DMA, 0);
	CHECK(p && locked_bytes() == 64 * KIB);
	free(p);
	free(vma);
	CHECK(locked_bytes() == 0);
}

static void beyond_the_limit_nothing_is_half_locked(void)
{
	pid_t pid = fork();

	if (!pid) {
		limited();
		_exit(check_result());
	}
	CHECK(child_status(pid) == 0);
}

static int may_lock(size_t bytes)
{
	char *p = own_memory(bytes);
	int err = mlock(p, bytes);

	munmap(p, bytes);
	return !err;
}

int main(void)
{
	struct mm_stats st;

	if (!find_mm_stats())
		return SKIP;
	*(void **)&query = mm_symbol("mm_page_query");
	*(void **)&trim = mm_symbol("mm_trim");
	*(void **)&alloc_node = mm_symbol("mm_alloc_node");
	*(void **)&node_of = mm_symbol("mm_node_of");
	*(void **)&alloc_zone = mm_symbol("mm_alloc_zone");
	*(void **)&pin = mm_symbol("mm_pin");
	*(void **)&unpin = mm_symbol("mm_unpin");
	if (check_failures)
		return check_result();
	a_node_gives_blocks_of_any_size();
	what_is_no_node_is_an_error();
	threads_share_the_heap_of_a_node();
	beyond_the_limit_nothing_is_half_locked();
	if (!may_lock(128 * MIB)) {
		puts("not allowed to lock memory: the rest is not tried");
		return check_failures ? 1 : SKIP;
	}
	zones_give_what_was_asked_for();
	realloc_keeps_zone_and_flags();
	child_has_no_copy();
	freed_memory_is_copied_again();
	huge_pages_are_used_if_there_are_any();
	frames_of_a_dma_block_stay();
	file_is_read_into_a_dma_block_directly();
	pins_of_a_page_add_up();
	freed_blocks_have_no_pins();
	slabs_given_back_have_no_pins();
	what_is_no_block_is_not_pinned();
	check_identities(&st);
	return check_result();
}
