/* SPDX-License-Identifier: MIT */
/* main.c - all microbenchmarks; --benchmark_filter=REGEX selects some */
#include "micro.h"

int main(int argc, char **argv)
{
	pair_register();
	batch_register();
	replace_register();
	grow_register();
	fault_register();
	thread_register();
	return bench_main(argc, argv);
}
