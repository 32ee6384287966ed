/* SPDX-License-Identifier: MIT */
/*
 * whose - print the file that malloc comes from, and prove that it works
 *
 * The dynamic linker only warns about a library that it cannot preload and
 * goes on with the C library's malloc; a benchmark must notice that.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	char *p = malloc(1000);
	Dl_info info;

	if (!p)
		return 1;
	memset(p, 1, 1000);
	free(p);
	if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info))
		return 1;
	puts(info.dli_fname);
	return 0;
}
