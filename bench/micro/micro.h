/* SPDX-License-Identifier: MIT */
/* micro.h - the groups of microbenchmarks, and helpers they share */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include <stddef.h>
#include <stdint.h>

#include "../shim/shim.h"

#define KIB	      1024L
#define MIB	      (1024L * KIB)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void pair_register(void);    /**< malloc and free at once, calloc, aligned */
void batch_register(void);   /**< many mallocs, then many frees */
void replace_register(void); /**< random replacement in a working set */
void grow_register(void);    /**< realloc */
void fault_register(void);   /**< first touch of fresh pages */
void thread_register(void);  /**< threads, and frees by other threads */

/** add_sizes - bench_add() for each of @n arguments */
static inline void add_sizes(const char *name, void (*fn)(struct bench *b),
			     const long *args, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bench_add(name, fn, args[i]);
}

/** xorshift64, after G. Marsaglia (2003); *@state must not be 0 */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/** mark - write one byte, as any program does with a new block */
static inline void mark(void *p)
{
	*(volatile char *)p = 1;
}

#endif
