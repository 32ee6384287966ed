/* SPDX-License-Identifier: MIT */
/*
 * inject.c LIBMM one|all PROGRAM [ARGS...] - makes memory calls fail in turn
 *
 * Runs the program again and again under ptrace. In run k, the k-th mmap,
 * munmap, mremap, madvise or mprotect between its two calls of getppid()
 * answers ENOMEM ("all": that one and every later one). The program has to
 * exit with 0 each time; the end is the run that has no k-th call.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "launch.h"

/* glibc's header has the request, the kernel's has the struct: take neither. */
#define GET_SYSCALL_INFO 0x420e
#define AT_ENTRY	 1
#define AT_EXIT		 2

struct syscall_info {
	uint8_t op;
	uint8_t pad[3];
	uint32_t arch;
	uint64_t ip, sp, nr, args[6];
};

struct run {
	unsigned long k;     /* the first call to fail, 1.. */
	int all;	     /* and all after it? */
	int markers;	     /* calls of getppid() seen */
	unsigned long calls; /* memory calls seen between them */
	pid_t failing;	     /* the thread whose call is being failed */
};

static int is_memory_call(uint64_t nr)
{
	return nr == SYS_mmap || nr == SYS_munmap || nr == SYS_mremap ||
	       nr == SYS_madvise || nr == SYS_mprotect;
}

static void on_entry(struct run *run, pid_t tid, uint64_t nr)
{
	struct user_regs_struct regs;

	if (nr == SYS_getppid)
		run->markers++;
	if (run->markers != 1 || !is_memory_call(nr))
		return;
	run->calls++;
	if (run->calls < run->k || (run->calls > run->k && !run->all))
		return;
	ptrace(PTRACE_GETREGS, tid, NULL, &regs);
	regs.orig_rax = (unsigned long)-1; /* no such call: nothing is done */
	ptrace(PTRACE_SETREGS, tid, NULL, &regs);
	run->failing = tid;
}

static void on_exit_of_call(struct run *run, pid_t tid)
{
	struct user_regs_struct regs;

	if (run->failing != tid)
		return;
	ptrace(PTRACE_GETREGS, tid, NULL, &regs);
	regs.rax = (unsigned long)-ENOMEM;
	ptrace(PTRACE_SETREGS, tid, NULL, &regs);
	run->failing = 0;
}

static void on_syscall_stop(struct run *run, pid_t tid)
{
	struct syscall_info info = { 0 };

	if (ptrace(GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
		return;
	if (info.op == AT_ENTRY)
		on_entry(run, tid, info.nr);
	else if (info.op == AT_EXIT)
		on_exit_of_call(run, tid);
}

static pid_t start(const char *libmm, char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(SKIP);
		alarm(60); /* survives exec: a run that hangs is a failure */
		raise(SIGSTOP);
		launch(libmm, argv);
	}
	return pid;
}

/* A signal that the program is to see, or 0 for a stop of ptrace's own. */
static int signal_to_pass(int status)
{
	int sig = WSTOPSIG(status);

	if (status >> 16 || sig == SIGTRAP || sig == SIGSTOP)
		return 0;
	return sig;
}

/* Returns the wait status of the program. */
static int trace(struct run *run, const char *libmm, char **argv)
{
	pid_t pid = start(libmm, argv), tid;
	int status, sig;

	waitpid(pid, &status, 0);
	if (WIFEXITED(status))
		return status;
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
	ptrace(PTRACE_SYSCALL, pid, NULL, 0);
	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (tid == pid)
				return status;
			continue;
		}
		sig = 0;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			on_syscall_stop(run, tid);
		else
			sig = signal_to_pass(status);
		ptrace(PTRACE_SYSCALL, tid, NULL, sig);
	}
	return -1;
}

/* How far to go on: every call fails once, but not every tail of calls. */
static unsigned long next_k(unsigned long k, int all)
{
	return k + 1 + (all ? k / 8 : 0);
}

int main(int argc, char **argv)
{
	struct run run = { 0 };
	unsigned long k = 1, runs = 0;
	int status, all;

	if (argc < 4)
		return 2;
	all = !strcmp(argv[2], "all");
	do {
		run = (struct run){ .k = k, .all = all };
		status = trace(&run, argv[1], argv + 3);
		if (WIFEXITED(status) && WEXITSTATUS(status) == SKIP) {
			puts("SKIP: no ptrace here");
			return SKIP;
		}
		if (status) {
			fprintf(stderr, "call %lu of %lu failed: status %#x\n",
				k, run.calls, (unsigned)status);
			check_report(argv[3], 0, "survives the failure");
		}
		CHECK(run.markers == 2 || status);
		runs++;
		k = next_k(k, all);
	} while (run.calls >= run.k);
	printf("%lu runs, the last with %lu memory calls\n", runs, run.calls);
	CHECK(runs > 5); /* or nothing was tested */
	return check_result();
}
