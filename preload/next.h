/* SPDX-License-Identifier: MIT */
/* preload/next.h - the functions of libc that ours stand in front of */
#ifndef MM_PRELOAD_NEXT_H
#define MM_PRELOAD_NEXT_H

#include "base/compiler.h"

#define NEXT_FUNCTIONS(F)                                                      \
	F(dlopen)                                                              \
	F(_Fork)                                                               \
	F(__register_atfork)                                                   \
	F(pthread_mutex_init)                                                  \
	F(pthread_attr_setstack)                                               \
	F(setrlimit)                                                           \
	F(prlimit)                                                             \
	F(setuid)                                                              \
	F(setgid)                                                              \
	F(seteuid)                                                             \
	F(setegid)                                                             \
	F(setreuid)                                                            \
	F(setregid)                                                            \
	F(setresuid)                                                           \
	F(setresgid)                                                           \
	F(setgroups)                                                           \
	F(initgroups)                                                          \
	F(capset)

enum next {
#define NEXT_ID(name) NEXT_##name,
	NEXT_FUNCTIONS(NEXT_ID) NR_NEXT
};

/** next_function - NULL if libc has none; where it is, is kept */
void *next_function(enum next which);

/** NEXT - libc's function @name, declared as ours is */
#define NEXT(name) ((__typeof(&name))next_function(NEXT_##name))

#endif
