/* SPDX-License-Identifier: MIT */
/*
 * limited.c LIBMM MIB PROGRAM [ARGS...] - runs a program under "ulimit -v"
 */
#include <sys/resource.h>

#include "launch.h"

int main(int argc, char **argv)
{
	struct rlimit limit;

	if (argc < 4)
		return 2;
	limit.rlim_cur = limit.rlim_max = strtoul(argv[2], NULL, 0) * MIB;
	if (setrlimit(RLIMIT_AS, &limit) < 0) {
		perror("setrlimit");
		return 1;
	}
	launch(argv[1], argv + 3);
	return 1;
}
