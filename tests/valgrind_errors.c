/* SPDX-License-Identifier: MIT */
/*
 * valgrind_errors.c - a program with one error of each kind, or with none
 *
 * Usage: valgrind_errors clean|leak|overrun|use_after_free|uninitialised
 */
#include <stdlib.h>
#include <string.h>

enum { SIZE = 40, ROUNDS = 2000, LIVE = 64 };

/* What a correct program does all day; memcheck must find nothing here. */
static void clean(void)
{
	char *live[LIVE] = { NULL };

	for (unsigned i = 0; i < ROUNDS; i++) {
		char **slot = &live[i * 7 % LIVE];
		size_t size = 1 + i * 37 % (i % 50 ? 500 : 90000);

		*slot = realloc(*slot, size);
		memset(*slot, 1, size);
		if (i % 3 == 0) {
			free(*slot);
			*slot = calloc(1, size);
			if ((*slot)[size - 1])
				abort();
		}
	}
	for (unsigned i = 0; i < LIVE; i++)
		free(live[i]);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char *volatile p;

	clean();
	p = malloc(SIZE);
	if (!strcmp(what, "leak"))
		p = NULL;
	else if (!strcmp(what, "overrun"))
		p[SIZE] = 1;
	else if (!strcmp(what, "uninitialised"))
		return p[0] ? 2 : 3;
	free(p);
	if (!strcmp(what, "use_after_free"))
		p[1] = 1;
	return 0;
}
