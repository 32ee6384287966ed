/* SPDX-License-Identifier: MIT */
/* preload/confine.h - system calls by which a program confines itself */
#ifndef MM_PRELOAD_CONFINE_H
#define MM_PRELOAD_CONFINE_H

#include <stdbool.h>
#include <sys/syscall.h>

static inline bool confines(long nr)
{
	return nr == SYS_unshare || nr == SYS_setns || nr == SYS_seccomp ||
	       nr == SYS_prctl;
}

/** confine - make one of these; what the kernel returns. Context: swap_on */
long confine(long nr, const long a[]);

#endif
