/* SPDX-License-Identifier: MIT */
/*
 * double_free.c SIZE - frees one block twice in a row
 */
#include "misuse.h"

int main(int argc, char **argv)
{
	void *p = malloc(size_argument(argc, argv));

	memset(p, 1, 1);
	announce_block(p);
	free(hidden(p));
	free(hidden(p));
	return 0;
}
