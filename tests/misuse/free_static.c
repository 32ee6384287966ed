/* SPDX-License-Identifier: MIT */
/*
 * free_static.c - frees a static variable, twice, and goes on
 */
#include "misuse.h"

static char variable[64];

int main(void)
{
	announce(variable, 0, variable);
	free(hidden(variable));
	free(hidden(variable));
	free(malloc(100));
	return 0;
}
