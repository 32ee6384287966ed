/* SPDX-License-Identifier: MIT */
/*
 * remapped.c - the program changes the mapping of its own blocks
 *
 * It maps something else over them, moves pages away, drops them by a system
 * call, and says what a child shall find there. Some of it is out each time.
 * Nothing of other blocks may be lost, before and after these are freed.
 */
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "heap.h"

#define PAGES	      512
#define BYTES	      (PAGES * HEAP_PAGE)
#define ROUND	      4
#define GUARD_INSTALL 102
#define GUARD_REMOVE  103

static struct heap others;

static char *fresh(void)
{
	char *p = aligned_alloc(HEAP_PAGE, BYTES);

	CHECK(p);
	memset(p, 1, BYTES);
	usleep(100000);
	return p;
}

static size_t different(const char *p, int value)
{
	size_t nr = 0;

	for (size_t i = 0; i < BYTES; i++)
		nr += p[i] != value;
	return nr;
}

/* Blocks that come where it was keep what is in them. */
static void free_and_use(char *p)
{
	free(p);
	for (int i = 2; i < 2 + ROUND; i++) {
		p = malloc(BYTES);
		memset(p, i, BYTES);
		usleep(100000);
		CHECK(!different(p, i));
		free(p);
	}
	CHECK(!heap_wrong(&others));
}

static int in_child(const char *p, int value)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit((p && different(p, value)) || heap_wrong(&others));
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void map_over(int flags)
{
	char *p = fresh();

	CHECK(mmap(p, BYTES, PROT_READ | PROT_WRITE,
		   flags | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	CHECK(!different(p, 0));
	memset(p, 9, BYTES);
	usleep(100000);
	CHECK(!different(p, 9));
	CHECK(!in_child(p, 9));
	free_and_use(p);
}

/* Over what the program has protected, and over what is not there. */
static void map_over_holes(void)
{
	char *p = fresh();

	CHECK(!mprotect(p, BYTES / 2, PROT_NONE));
	CHECK(!munmap(p + BYTES / 2, BYTES / 4));
	CHECK(mmap(p, BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	memset(p, 9, BYTES);
	usleep(100000);
	CHECK(!different(p, 9));
	free_and_use(p);
}

static void map_into_hole(void)
{
	char *p = fresh();

	CHECK(!munmap(p + BYTES / 4, BYTES / 2));
	CHECK(mmap(p + BYTES / 4, BYTES / 2, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		   0) == p + BYTES / 4);
	memset(p, 9, BYTES);
	usleep(100000);
	CHECK(!different(p, 9));
	free_and_use(p);
}

/* The segment is others', too: a child writes nothing to it. */
static void attach(void)
{
	int id = shmget(IPC_PRIVATE, BYTES, IPC_CREAT | 0600);
	char *p = fresh();

	CHECK(id >= 0 && shmat(id, p, SHM_REMAP) == p);
	shmctl(id, IPC_RMID, NULL);
	memset(p, 9, BYTES);
	CHECK(!in_child(p, 9));
	CHECK(!different(p, 9));
	CHECK(mmap(p, BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	free_and_use(p);
}

static void map_in_vain(void)
{
	char *p = fresh();

	CHECK(mmap(p, BYTES, PROT_READ, MAP_PRIVATE | MAP_FIXED, -1, 0) ==
	      MAP_FAILED);
	CHECK(!different(p, 1));
	free_and_use(p);
}

static void move_away(void)
{
	char *p = fresh(), *to;

	to = mremap(p, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	if (to != MAP_FAILED) {
		CHECK(!different(to, 1));
		munmap(to, BYTES);
		CHECK(!different(p, 0));
	}
	free_and_use(p);
}

/* A mapping of the program's own becomes the memory of a block. */
static void move_into(void)
{
	char *p = fresh(), *from = own_memory(BYTES);

	memset(from, 9, BYTES);
	CHECK(mremap(from, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, p) ==
	      p);
	usleep(100000);
	CHECK(!different(p, 9));
	free_and_use(p);
}

static void drop(void)
{
	char *p = fresh();

	CHECK(!syscall(SYS_madvise, p, BYTES, MADV_DONTNEED));
	CHECK(!different(p, 0));
	free_and_use(p);
	p = fresh();
	if (!madvise(p, BYTES, GUARD_INSTALL)) {
		usleep(100000);
		CHECK(!madvise(p, BYTES, GUARD_REMOVE));
		CHECK(!different(p, 0));
	}
	free_and_use(p);
}

static void not_for_children(void)
{
	char *p = fresh();

	CHECK(!madvise(p, BYTES, MADV_WIPEONFORK));
	CHECK(!in_child(p, 0));
	CHECK(!different(p, 1));
	CHECK(!madvise(p, BYTES, MADV_KEEPONFORK));
	CHECK(!in_child(p, 1));
	CHECK(!madvise(p, BYTES, MADV_DONTFORK));
	CHECK(!in_child(NULL, 0));
	CHECK(!madvise(p, BYTES, MADV_DOFORK));
	free_and_use(p);
}

int main(void)
{
	if (!swap_possible())
		return SKIP;
	heap_make(&others, 8, BYTES);
	heap_write(&others, 1);
	map_over(MAP_PRIVATE);
	map_over_holes();
	map_into_hole();
	attach();
	map_in_vain();
	move_away();
	move_into();
	drop();
	not_for_children();
	map_over(MAP_SHARED);
	return check_result();
}
