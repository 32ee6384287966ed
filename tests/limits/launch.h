/* SPDX-License-Identifier: MIT */
/*
 * launch.h - becoming a program under libmm, for launchers that are not
 */
#ifndef TESTS_LAUNCH_H
#define TESTS_LAUNCH_H

#include "check.h"

/* @libmm: its path, or "-" for none. Does not return. */
static inline void launch(const char *libmm, char **argv)
{
	if (strcmp(libmm, "-"))
		setenv("LD_PRELOAD", libmm, 1);
	execv(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

#endif
