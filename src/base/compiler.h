/* SPDX-License-Identifier: MIT */
/*
 * base/compiler.h - attributes, assertions and atomics
 *
 * BUG_ON is always compiled in and guards against corruption; VM_BUG_ON only
 * with -Ddebug_vm=true. Both end in bug(), which prints one line and aborts.
 */
#ifndef MM_BASE_COMPILER_H
#define MM_BASE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __cplusplus
#define static_assert _Static_assert
#endif

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define __hot	       __attribute__((hot, aligned(64)))
#define __cold	       __attribute__((cold, noinline))
#define __slow	       __attribute__((noinline))
#define __flatten      __attribute__((always_inline)) inline
#define __public       __attribute__((visibility("default")))
#define __hidden       __attribute__((visibility("hidden")))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __cacheline    __attribute__((aligned(64)))
#define __tls	       __thread __attribute__((tls_model("initial-exec")))

#ifdef MM_DEBUG_VM
#define DEBUG_VM 1
#else
#define DEBUG_VM 0
#endif

/**
 * bug - report an impossible state or a misuse, then abort
 * @fmt: printf-like, see os/log.c for the conversions; no newline
 */
__printf(1, 2) __attribute__((noreturn, cold)) void bug(const char *fmt, ...);

#define BUG_ON(c)                                                              \
	do {                                                                   \
		if (unlikely(c))                                               \
			bug("internal error: %s (%s:%d)", #c, __FILE__,        \
			    __LINE__);                                         \
	} while (0)
#define VM_BUG_ON(c)                                                           \
	do {                                                                   \
		if (DEBUG_VM)                                                  \
			BUG_ON(c);                                             \
	} while (0)

#define READ_ONCE(x)	 __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

/*
 * A read on the fast path of a word that another thread may write, where either
 * value will do. As READ_ONCE(), but the compiler may fold it into a compare.
 */
#ifdef __SANITIZE_THREAD__
#define HOT_READ(x) READ_ONCE(x)
#else
#define HOT_READ(x) (x)
#endif

#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member)                                          \
	((type *)((char *)(p)-offsetof(type, member)))

#endif
