/* SPDX-License-Identifier: MIT */
/*
 * ends.c - the only thread ends, without the process being told to
 *
 * By a system call instruction, in seccomp's strict mode, and killed by a
 * filter, also in the middle of fork(). For the parent the process has to end
 * as it does without swap, also if some of its heap is out.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap.h"

#define NR_BLOCKS 16
#define STATUS	  7
#define SECONDS	  20

/* By an instruction of our own, so that nobody sees it. */
static long call(long nr, long a, long b, long c)
{
#if defined(__x86_64__)
	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return nr;
#else
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2)
			 : "memory");
	return x0;
#endif
}

static void exit_thread(int status)
{
	call(SYS_exit, status, 0, 0);
}

static void by_instruction(void)
{
	exit_thread(STATUS);
}

static void by_syscall(void)
{
	syscall(SYS_exit, STATUS);
}

static void strictly(void)
{
	if (!call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0))
		exit_thread(STATUS);
}

static int deny(unsigned nr)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]),
				      filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
		    (long)&program);
}

static void killed(void)
{
	if (!deny(SYS_getppid))
		getppid();
}

/* It holds all of malloc's locks then, and swapd waits for one. */
static void killed_in_fork(void)
{
	if (!deny(SYS_clone))
		fork();
}

/* How a child ends that does this, and has the heap, if any; -1 if it does not.
 */
static int status_of(void (*end)(void), const struct heap *h)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		if (!h || !heap_wrong(h))
			end();
		_exit(1);
	}
	for (int i = 0; i < SECONDS * 10; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(100000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

int main(void)
{
	struct heap h;

	if (!swap_possible())
		return SKIP;
	/* at once: swapd is at work as it starts */
	for (int i = 0; i < 20; i++)
		CHECK((status_of(killed_in_fork, NULL) & 0x7f) == SIGSYS);
	heap_make(&h, NR_BLOCKS, MIB);
	heap_write(&h, 1);
	heap_evict(&h);
	CHECK(status_of(by_instruction, &h) == STATUS << 8);
	CHECK(status_of(by_syscall, &h) == STATUS << 8);
	CHECK(status_of(strictly, &h) == STATUS << 8);
	CHECK((status_of(killed, &h) & 0x7f) == SIGSYS);
	return check_result();
}
