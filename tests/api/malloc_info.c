/* SPDX-License-Identifier: MIT */
/*
 * malloc_info.c - writes malloc_info()'s XML before and with a live set
 *
 * malloc_info.py parses it. Arguments: two files to write.
 */
#include <malloc.h>

#include "check.h"

#define NR   2000
#define SIZE 5000

static void write_info(const char *path)
{
	FILE *f = fopen(path, "w");

	CHECK(f);
	errno = 4711;
	CHECK(malloc_info(0, f) == 0);
	CHECK(errno == 4711);
	fclose(f);
}

int main(int argc, char **argv)
{
	static void *p[NR];
	int i;

	if (argc != 3)
		return 2;
	CHECK(malloc_info(1, stdout) == EINVAL);
	write_info(argv[1]);
	for (i = 0; i < NR; i++)
		p[i] = malloc(SIZE);
	write_info(argv[2]);
	for (i = 0; i < NR; i++)
		free(p[i]);
	printf("%zu\n", (size_t)NR * SIZE);
	return check_result();
}
