/* SPDX-License-Identifier: MIT */
/*
 * os/syscall.h - raw system calls; private to os/
 *
 * Results are -errno as the kernel gives them, so errno is never touched.
 */
#ifndef MM_OS_SYSCALL_H
#define MM_OS_SYSCALL_H

#include <sys/syscall.h>
#include "base/compiler.h"

#if defined(__x86_64__)
static inline long syscall6(long nr, long a, long b, long c, long d, long e,
			    long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static inline long syscall6(long nr, long a, long b, long c, long d, long e,
			    long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "libmm knows the system call convention of x86-64 and aarch64 only"
#endif

#define sys1(nr, a)	  syscall6(nr, (long)(a), 0, 0, 0, 0, 0)
#define sys2(nr, a, b)	  syscall6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(nr, a, b, c) syscall6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(nr, a, b, c, d)                                                   \
	syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys5(nr, a, b, c, d, e)                                                \
	syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys6(nr, a, b, c, d, e, f)                                             \
	syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e),    \
		 (long)(f))
/* what is made is for this user alone */
#define sys_open(path, flags)                                                  \
	sys4(SYS_openat, AT_FDCWD, path, (flags) | O_CLOEXEC, 0600)

#endif
