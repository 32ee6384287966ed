/* SPDX-License-Identifier: MIT */
/*
 * unit/unit.h - what the unit tests of all rooms share
 *
 * A room keeps its state in static variables, so most tests run in a child
 * each: CHILD_TEST(f) passes if f returns in the child. Tests that draw lots
 * print their seed; MM_SEED=n repeats a run.
 */
#ifndef MM_UNIT_UNIT_H
#define MM_UNIT_UNIT_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/bits.h"

#define SKIP_STATUS   77
#define CHILD_SECONDS 100

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* ---- chance; each thread draws its own lots ---- */

static __thread uint64_t rnd_state = 1;

static inline uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static inline void seed_rnd(const char *test)
{
	const char *s = getenv("MM_SEED");
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	rnd_state = s ? strtoull(s, NULL, 0) : (uint64_t)ts.tv_nsec + 1;
	print_message("%s: MM_SEED=%lu\n", test, rnd_state);
}

/* ---- children ---- */

#define CHILD_TEST(f)                                                          \
	{                                                                      \
		.name = #f, .test_func = run_in_child,                         \
		.initial_state = (void *)f                                     \
	}

/* Only in a child. */
static inline void child_skip(const char *why)
{
	print_message("skipped: %s\n", why);
	fflush(NULL);
	_exit(SKIP_STATUS);
}

static inline pid_t start_child(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* a failed assertion ends this process, not the test */
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		alarm(CHILD_SECONDS);
	}
	return pid;
}

/* Of one child, or of whichever ends next if @pid is -1. */
static inline int child_status(pid_t pid)
{
	int status;

	assert_true(waitpid(pid, &status, 0) > 0);
	return status;
}

static inline void end_child(void)
{
	fflush(NULL);
	_exit(0);
}

static inline void run_in_child(void **state)
{
	pid_t pid = start_child();
	int status;

	if (!pid) {
		((void (*)(void)) * state)();
		end_child();
	}
	status = child_status(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIP_STATUS)
		skip();
	assert_int_equal(status, 0);
}

/* Only in a child: there is no way back. Sanitizers need more than that. */
static inline void limit_address_space(size_t bytes)
{
	struct rlimit rl = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	if (SANITIZED)
		child_skip("sanitizers need the whole address space");
	getrlimit(RLIMIT_AS, &rl);
	rl.rlim_cur = min_size(bytes, rl.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_AS, &rl), 0);
}

/* ---- memory ---- */

/* A word that depends on where it is and on who wrote it. */
static inline uint64_t pattern(const void *p, uint64_t salt)
{
	return ((uintptr_t)p + salt) * 0x9e3779b97f4a7c15UL;
}

static inline void fill(void *p, size_t bytes, uint64_t salt)
{
	for (uint64_t *w = p; bytes >= sizeof(*w); bytes -= sizeof(*w), w++)
		*w = pattern(w, salt);
}

static inline bool is_filled(const void *p, size_t bytes, uint64_t salt)
{
	for (const uint64_t *w = p; bytes >= sizeof(*w);
	     bytes -= sizeof(*w), w++)
		if (*w != pattern(w, salt))
			return false;
	return true;
}

static inline bool is_zero(const void *p, size_t bytes)
{
	for (const uint64_t *w = p; bytes >= sizeof(*w);
	     bytes -= sizeof(*w), w++)
		if (*w)
			return false;
	return true;
}

/* May this process read there? The kernel looks, so that nothing is risked. */
static inline bool is_readable(const void *p)
{
	int pipes[2];
	bool ok;

	assert_int_equal(pipe(pipes), 0);
	ok = write(pipes[1], p, 1) == 1;
	close(pipes[0]);
	close(pipes[1]);
	return ok;
}

/* Of this process so far: each page that is written for the first time. */
static inline long minor_faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_minflt;
}

#endif
