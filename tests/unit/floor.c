// SPDX-License-Identifier: MIT
/*
 * unit/floor.c - a room and all below it carry themselves
 *
 * Linked with the whole of the libraries of one floor and no other: a call
 * upward is an undefined reference, and this program cannot be built.
 */
#include FLOOR_HEADER

int main(void)
{
	void *volatile symbol = (void *)FLOOR_SYMBOL;

	return !symbol;
}
