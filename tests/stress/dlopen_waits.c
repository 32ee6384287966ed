/* SPDX-License-Identifier: MIT */
/*
 * dlopen_waits.c LIBRARY - load a library that waits for a thread
 */
#include "check.h"

int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;

	if (!library)
		fprintf(stderr, "%s\n", dlerror());
	return !library;
}
