/* SPDX-License-Identifier: MIT */
/*
 * well_behaved.c - misuses nothing: for options that are wrong
 */
#include "misuse.h"

int main(void)
{
	char *p = malloc(100);

	announce_block(p);
	memset(p, 1, 100);
	p = realloc(p, 100000);
	free(p);
	return p ? 0 : 1;
}
