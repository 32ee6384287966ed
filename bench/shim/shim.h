/* SPDX-License-Identifier: MIT */
/*
 * shim.h - Google Benchmark for programs in C
 *
 * A benchmark is a function that calls bench_loop() until that returns false
 * and does the promised number of operations each time:
 *
 *	static void pair(struct bench *b)
 *	{
 *		while (bench_loop(b, 1000))
 *			for (int i = 0; i < 1000; i++)
 *				free(malloc((size_t)bench_arg(b)));
 *	}
 *
 * Times are wall times of one operation. Each benchmark also reports its own
 * peak RSS, the RSS after it, page faults and CPU time.
 */
#ifndef BENCH_SHIM_H
#define BENCH_SHIM_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench;

/** bench_add - register @fn under the name "@name/@arg" */
void bench_add(const char *name, void (*fn)(struct bench *b), long arg);

/** bench_arg - the @arg this benchmark was registered with */
long bench_arg(const struct bench *b);

/** bench_loop - true while @ops more operations shall be done */
bool bench_loop(struct bench *b, long ops);

/** bench_pause - what follows is preparation; slow, so use it around batches */
void bench_pause(struct bench *b);

/** bench_resume - what follows counts again */
void bench_resume(struct bench *b);

/**
 * bench_fail - end this benchmark as failed
 * @why: a constant string
 *
 * The function returns next, without calling bench_loop() again.
 */
void bench_fail(struct bench *b, const char *why);

/** bench_main - run what is registered, as Google Benchmark's flags tell */
int bench_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
