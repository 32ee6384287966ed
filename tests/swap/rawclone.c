/* SPDX-License-Identifier: MIT */
/*
 * rawclone.c - children that are made behind the back of libc's fork()
 *
 * By its _Fork(), clone() and syscall(): they swap, as a child of fork() does.
 * By a system call instruction: no handler runs, so they get a copy of what is
 * out, and swap nothing. The kernel tells of these only who may trace others.
 * All of them change and free what they inherited. While the latter get theirs,
 * the parent changes, frees and moves what it has, and another thread touches
 * it.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "heap.h"

#define CHILDREN 20
#define BLOCKS	 600
#define STACK	 (256 * KIB)
#define LARGE	 6

static struct heap h, large;
static int stop;

/* Blocks of other sizes, too, and in other places. */
static int verify_and_change(void)
{
	int wrong = heap_wrong(&h);

	for (unsigned b = 0; b < h.nr; b += 3)
		free(h.block[b]);
	for (unsigned b = 0; b < h.nr; b += 3) {
		h.block[b] = aligned_alloc(HEAP_PAGE, h.size);
		CHECK(h.block[b]);
	}
	free(realloc(malloc(40 * MIB), 80 * MIB));
	heap_write(&h, 1000);
	return wrong;
}

static int verify_and_swap(void *unused)
{
	int wrong = verify_and_change();

	(void)unused;
	heap_evict(&h);
	wrong += !heap_was_out(&h, 50) + heap_wrong(&h);
	for (unsigned b = 0; b < h.nr; b++)
		free(h.block[b]);
	return wrong != 0;
}

static int verify_only(void)
{
	int wrong = heap_wrong(&large) + verify_and_change();

	heap_evict(&h);
	wrong += heap_percent_out(&h) > 0;
	wrong += heap_wrong(&h);
	for (unsigned b = 0; b < h.nr; b++)
		free(h.block[b]);
	return wrong != 0;
}

static pid_t by_clone(void)
{
	static char *stack;

	if (!stack)
		stack = own_memory(STACK);
	return clone(verify_and_swap, stack + STACK, SIGCHLD, NULL);
}

static pid_t by_syscall(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		syscall(SYS_exit, verify_and_swap(NULL)); /* one thread */
	return pid;
}

static pid_t by_clone3(void)
{
	uint64_t args[8] = { [4] = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, args, sizeof(args));

	if (!pid)
		_exit(verify_and_swap(NULL));
	return pid;
}

static pid_t by__Fork(void)
{
	pid_t pid = _Fork();

	if (!pid)
		_exit(verify_and_swap(NULL));
	return pid;
}

static pid_t raw_clone(void)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	long pid;

	__asm__ volatile("syscall"
			 : "=a"(pid)
			 : "a"(SYS_clone), "D"(SIGCHLD), "S"(0), "d"(0),
			   "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
#else
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = SIGCHLD;
	register long x1 __asm__("x1") = 0;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	long pid;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	pid = x0;
#endif
	return (pid_t)pid;
}

static pid_t by_instruction(void)
{
	pid_t pid = raw_clone();

	if (!pid)
		_exit(verify_only());
	return pid;
}

/* A child that at once makes a child. Both lack the same, and get it. */
static pid_t by_two_instructions(void)
{
	pid_t pid = raw_clone();
	int status;

	if (pid)
		return pid;
	pid = by_instruction();
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && !status);
	_exit(verify_only() || check_result());
}

static void try(pid_t (*make)(void), const char *how)
{
	for (unsigned i = 0; i < CHILDREN; i++) {
		int status = 0;
		pid_t pid;

		heap_evict(&h);
		pid = make();
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
		if (status)
			dprintf(STDERR_FILENO, "child by %s: status %x\n", how,
				(unsigned)status);
		CHECK(!status);
		CHECK(!heap_wrong(&h));
		heap_write(&h, i + 2);
	}
}

/* From the end, where the child gets its pages last. */
static void change_meanwhile(void)
{
	for (unsigned b = LARGE; b--;) {
		if (b % 2) {
			large.block[b] =
				realloc(large.block[b], 4 * large.size);
			CHECK(large.block[b]);
			large.block[b] = realloc(large.block[b], large.size);
		} else {
			free(large.block[b]);
			large.block[b] = aligned_alloc(HEAP_PAGE, large.size);
		}
		CHECK(large.block[b]);
	}
	for (unsigned b = h.nr; b--;) {
		if (b % 3)
			continue;
		free(h.block[b]);
		h.block[b] = aligned_alloc(HEAP_PAGE, h.size);
		CHECK(h.block[b]);
	}
	for (unsigned b = h.nr; b--;)
		memset(h.block[b], 0x55, h.size);
	for (unsigned b = LARGE; b--;)
		memset(large.block[b], 0x55, large.size);
}

static void try_meanwhile(void)
{
	heap_make(&large, LARGE, 6 * MIB);
	for (unsigned i = 0; i < CHILDREN; i++) {
		int status = 0;
		pid_t pid;

		heap_evict(&large);
		heap_evict(&h);
		pid = by_instruction();
		change_meanwhile();
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
		CHECK(!status);
		heap_write(&h, i + 2);
		heap_write(&large, i + 2);
	}
}

/* Never more than one thread uses malloc. */
static void *touch(void *unused)
{
	(void)unused;
	for (size_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		volatile const char *p = h.block[i * 7 % h.nr];

		(void)p[i % 8 * HEAP_PAGE];
	}
	return NULL;
}

static void try_touched(void)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, touch, NULL));
	try(by_instruction, "an instruction, touched meanwhile");
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

int main(void)
{
	if (!swap_possible())
		return SKIP;
	heap_make(&h, BLOCKS, 32 * KIB);
	usleep(300000);
	try(by_clone, "clone()");
	try(by_syscall, "syscall(SYS_clone)");
	try(by_clone3, "syscall(SYS_clone3)");
	try(by__Fork, "_Fork()");
	if (!geteuid()) {
		try(by_instruction, "an instruction");
		try(by_two_instructions, "two instructions");
		try_meanwhile();
		try_touched();
	}
	return check_result();
}
