/* SPDX-License-Identifier: MIT */
/* uses_mm.c - a program of somebody who has libmm installed; C and C++. */
#include <mm/mm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	struct mm_page_info info;
	void *p = malloc(24);

	if (mm_page_query(p, &info))
		return 1;
	printf("libmm %s: malloc(24) is %s block of %s\n", mm_version(),
	       info.block == p ? "a" : "no",
	       info.kind == MM_KIND_SLAB ? "libmm" : "another heap");
	free(p);
	return info.block != p || info.kind != MM_KIND_SLAB;
}
