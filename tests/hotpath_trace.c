/* SPDX-License-Identifier: MIT */
/*
 * hotpath_trace.c - which instructions does a warm malloc or delete execute?
 *
 * Run with libmm preloaded. A child warms the heap up, then stops itself
 * before and after each call of interest; the parent steps it through and
 * prints one line per function: its name and the address of each instruction
 * in it, as offsets into the file that holds it. Exits 77 where stepping is
 * not permitted.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_ROUNDS = 64, SMALL_SIZE = 24, MAX_STEPS = 100000 };

static void *(*volatile do_malloc)(size_t) = malloc;
static void (*volatile do_free)(void *) = free;
static size_t (*volatile do_usable)(void *) = malloc_usable_size;
static void *(*volatile do_calloc)(size_t, size_t) = calloc;

/* operators new, delete and sized delete: C has no names for them */
static void *(*volatile do_new)(size_t);
static void (*volatile do_delete)(void *);
static void (*volatile do_delete_sized)(void *, size_t);

/* What is of interest, in the order of targets[]; another free is none of it */
static void calls(void)
{
	void *p = do_malloc(SMALL_SIZE);

	do_usable(p);
	do_free(p);
	p = do_calloc(1, SMALL_SIZE);
	do_free(p);
	p = do_new(SMALL_SIZE);
	do_delete(p);
	p = do_malloc(SMALL_SIZE);
	do_delete_sized(p, SMALL_SIZE);
}

static void child(void)
{
	void *keep[WARM_ROUNDS];

	for (int i = 0; i < WARM_ROUNDS; i++)
		keep[i] = do_malloc(SMALL_SIZE);
	for (int i = 0; i < WARM_ROUNDS; i += 2)
		do_free(keep[i]);
	calls();
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(77);
	raise(SIGSTOP);
	calls();
	_exit(0);
}

struct target {
	const char *name;
	uintptr_t entry;
	uintptr_t base;
};

static struct target target_of(const char *name, uintptr_t entry)
{
	Dl_info info = { 0 };

	dladdr((void *)entry, &info);
	return (struct target){ name, entry, (uintptr_t)info.dli_fbase };
}

static uintptr_t step(pid_t pid, struct user_regs_struct *regs)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) ||
	    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_GETREGS, pid, 0, regs))
		return 0;
	return regs->rip;
}

/* Prints the offsets from the entry until the stack is popped by the ret. */
static void print_call(pid_t pid, const struct target *t,
		       struct user_regs_struct *regs)
{
	uintptr_t rsp = regs->rsp, rip = t->entry;

	printf("%s", t->name);
	while (rip && regs->rsp <= rsp) {
		printf(" %lx", rip - t->base);
		rip = step(pid, regs);
	}
	printf("\n");
}

int main(void)
{
	do_new = dlsym(RTLD_DEFAULT, "_Znwm");
	do_delete = dlsym(RTLD_DEFAULT, "_ZdlPv");
	do_delete_sized = dlsym(RTLD_DEFAULT, "_ZdlPvm");

	const struct target targets[] = {
		target_of("malloc", (uintptr_t)do_malloc),
		target_of("malloc_usable_size", (uintptr_t)do_usable),
		target_of("free", (uintptr_t)do_free),
		target_of("calloc", (uintptr_t)do_calloc),
		target_of("_Znwm", (uintptr_t)do_new),
		target_of("_ZdlPv", (uintptr_t)do_delete),
		target_of("_ZdlPvm", (uintptr_t)do_delete_sized),
	};
	const size_t nr_targets = sizeof(targets) / sizeof(targets[0]);
	struct user_regs_struct regs;
	size_t done = 0;
	uintptr_t rip;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		child();
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 77;
	for (int i = 0; i < MAX_STEPS && done < nr_targets; i++) {
		rip = step(pid, &regs);
		if (!rip)
			return 77;
		if (rip == targets[done].entry)
			print_call(pid, &targets[done++], &regs);
	}
	ptrace(PTRACE_KILL, pid, 0, 0);
	return done == nr_targets ? 0 : 1;
}
