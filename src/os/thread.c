// SPDX-License-Identifier: MIT
/*
 * os/thread.c - threads that the program does not see
 *
 * They are made by clone() itself: libc knows nothing of them, so they may
 * call nothing of libc that needs its thread, and have all signals blocked. No
 * tracer follows them: strace and gdb read memory that they have to bring. Each
 * has a stack and a small TLS block of its own, for what compilers look up
 * there (the stack protector's canary) and for who asks for the thread pointer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include "os/os.h"
#include "os/syscall.h"

#define STACK_BYTES KIB(64)
#define TLS_BYTES   KIB(16) /* below the thread pointer, as x86-64 has it */
#define TCB_BYTES   KIB(4)
#define ALL_SIGNALS (~0UL)
#define NAP_NS	    20000
#define SIGNALLED   128 /* as shells say it */

struct start {
	void (*fn)(void *);
	void *arg;
};

__attribute__((noreturn, used)) static void thread_main(struct start *start)
{
	start->fn(start->arg);
	for (;;)
		sys1(SYS_exit, 0);
}

static long clone_thread(unsigned long flags, void *sp, void *tls)
{
	long ret;
#if defined(__x86_64__)
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = (long)tls;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%rsp, %%rdi\n\t"
			 "call *%6\n\t"
			 "1:"
			 : "=a"(ret)
			 : "a"(SYS_clone), "D"(flags), "S"(sp), "d"(0),
			   "r"(r10), "b"(thread_main), "r"(r8)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register long x1 __asm__("x1") = (long)sp;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = (long)tls;
	register long x4 __asm__("x4") = 0;
	register void *x9 __asm__("x9") = (void *)thread_main;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, 0\n\t"
			 "mov x0, sp\n\t"
			 "blr x9\n\t"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9)
			 : "x30", "memory");
	ret = x0;
#endif
	return ret;
}

/* A thread block as compilers and libc's headers expect it to begin. */
static void *make_tls(char *at)
{
	uintptr_t *tcb = (uintptr_t *)at, *mine = __builtin_thread_pointer();

	memset(tcb, 0, TCB_BYTES);
#if defined(__x86_64__)
	tcb[0] = tcb[2] = (uintptr_t)tcb; /* itself */
	tcb[5] = mine[5];		  /* the canary */
#else
	(void)mine;
#endif
	return tcb;
}

struct os_thread *os_thread_new(void)
{
	return os_map(STACK_BYTES + TLS_BYTES + TCB_BYTES);
}

int os_thread_start(struct os_thread *t, void (*fn)(void *), void *arg,
		    bool apart)
{
	unsigned long flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD |
			      CLONE_SYSVSEM | CLONE_SETTLS | CLONE_UNTRACED |
			      (apart ? 0 : CLONE_FILES | CLONE_FS);
	unsigned long all = ALL_SIGNALS, old = 0;
	char *stack = (char *)t;
	struct start *start =
		(struct start *)(stack + STACK_BYTES - sizeof(*start));
	long tid;

	*start = (struct start){ fn, arg };
	sys4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, sizeof(old));
	tid = clone_thread(flags, start,
			   make_tls(stack + STACK_BYTES + TLS_BYTES));
	sys4(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof(old));
	return (int)tid;
}

bool os_thread_lives(int tid)
{
	return sys3(SYS_tgkill, os_process(), tid, 0) != -ESRCH;
}

void os_thread_name(const char *name)
{
	sys2(SYS_prctl, PR_SET_NAME, name);
}

void os_close_all_but(int fd)
{
	if (fd > 0)
		sys3(SYS_close_range, 0, fd - 1, 0);
	sys3(SYS_close_range, fd + 1, ~0U, 0);
}

void os_leave_folder(void)
{
	sys1(SYS_chdir, "/");
}

void os_reserve_stdio(void)
{
	long fd;

	do
		fd = sys_open("/", O_PATH);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		os_close((int)fd);
}

int os_gettid(void)
{
	return (int)sys1(SYS_gettid, 0);
}

/* It is a link to PID/task/TID. */
int os_proc_tid(void)
{
	char buf[64];
	long n = sys4(SYS_readlinkat, AT_FDCWD, "/proc/thread-self", buf,
		      sizeof(buf) - 1);
	const char *p;

	buf[n > 0 ? n : 0] = '\0';
	p = strrchr(buf, '/');
	if (!p++)
		return os_gettid();
	return (int)os_number(&p);
}

unsigned os_threads(int tids[], unsigned most)
{
	int fd = (int)sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY);
	char buf[KIB(1)] __attribute__((aligned(8)));
	unsigned nr = 0;
	long n;

	while (fd >= 0 && nr < most &&
	       (n = sys3(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
		const struct dirent64 *d;

		for (char *p = buf; p < buf + n && nr < most;
		     p += d->d_reclen) {
			const char *name;

			d = (const struct dirent64 *)p;
			name = d->d_name;
			if (*name != '.')
				tids[nr++] = (int)os_number(&name);
		}
	}
	if (fd >= 0)
		os_close(fd);
	return nr;
}

/* The state is the first field behind the name, the status the last of all. */
int os_first_ended(void)
{
	char buf[KIB(1)];
	const char *p = os_read_file("/proc/self/stat", buf, sizeof(buf)) > 0
				? strrchr(buf, ')')
				: NULL;

	if (!p || strncmp(p, ") Z", 3))
		return -1;
	p = strrchr(p, ' ') + 1;
	return (int)os_number(&p);
}

/*
 * By the same signal, which nobody handles any more; the first process of a
 * container dies of none.
 */
void os_end(int status)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} standard = { 0 };
	int sig = status & 0x7f;
	unsigned long mask;

	if (sig) {
		mask = 1UL << (sig - 1) % 64;
		sys4(SYS_rt_sigaction, sig, &standard, NULL, sizeof(mask));
		sys4(SYS_rt_sigprocmask, SIG_UNBLOCK, &mask, NULL,
		     sizeof(mask));
		sys2(SYS_tkill, os_gettid(), sig);
	}
	for (;;)
		sys1(SYS_exit_group, sig ? SIGNALLED + sig : status >> 8);
}

uint64_t os_cpu_ns(int tid)
{
	/* as the kernel composes it: of a thread, by the scheduler's count */
	long clock = (~(long)tid << 3) | 6;
	struct timespec t = { 0 };

	sys2(SYS_clock_gettime, clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int os_cpus_get(struct os_cpus *cpus)
{
	long r;

	memset(cpus, 0, sizeof(*cpus));
	r = sys3(SYS_sched_getaffinity, 0, sizeof(*cpus), cpus);
	return r < 0 ? (int)r : 0;
}

int os_cpus_set(const struct os_cpus *cpus)
{
	return (int)sys3(SYS_sched_setaffinity, 0, sizeof(*cpus), cpus);
}

/* The file has the name of the program in brackets, then a blank before each.
 */
#define CPU_FIELD 37

int os_cpus_of(int tid, struct os_cpus *cpu)
{
	const size_t word = 8 * sizeof(cpu->bits[0]);
	char path[48], buf[512];
	const char *p;
	size_t nr;

	os_format(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	p = os_read_file(path, buf, sizeof(buf)) > 0 ? strrchr(buf, ')') : NULL;
	for (unsigned i = 0; p && i < CPU_FIELD; i++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -EIO;
	p++;
	nr = os_number(&p);
	if (nr >= 8 * sizeof(*cpu))
		return -ERANGE;
	*cpu = (struct os_cpus){ 0 };
	cpu->bits[nr / word] = 1UL << nr % word;
	return 0;
}

void os_futex_wait(uint32_t *word, uint32_t value, unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	sys4(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &t);
}

void os_futex_wake(uint32_t *word)
{
	sys3(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX);
}

long os_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	return syscall6(nr, a, b, c, d, e, f);
}

void os_yield(void)
{
	sys1(SYS_sched_yield, 0);
}

void os_nap(void)
{
	struct timespec t = { 0, NAP_NS };
	uint32_t nobody = 0;

	sys4(SYS_futex, &nobody, FUTEX_WAIT_PRIVATE, 0, &t);
}

/* It reads the set before it finds that there is no such way to change it. */
bool os_readable(const void *p)
{
	return sys4(SYS_rt_sigprocmask, -1, p, NULL, 8) != -EFAULT;
}
