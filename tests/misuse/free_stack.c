/* SPDX-License-Identifier: MIT */
/*
 * free_stack.c - frees an address on the stack, twice, and goes on
 */
#include "misuse.h"

int main(void)
{
	char on_stack[64];

	announce(on_stack, 0, on_stack);
	free(hidden(on_stack));
	free(hidden(on_stack));
	free(malloc(100));
	return 0;
}
