// SPDX-License-Identifier: MIT
/*
 * objects.c - a small object that lies on two pages comes back by one touch
 */
#include "heap.h"

#define OBJECTS 4000
#define BYTES	5000

int main(void)
{
	char **object = own_memory(OBJECTS * sizeof(*object));
	unsigned tried = 0, halves = 0;

	if (!swap_possible())
		return SKIP;
	for (unsigned i = 0; i < OBJECTS; i++) {
		object[i] = malloc(BYTES);
		CHECK(object[i]);
		memset(object[i], (int)(i % 255), BYTES);
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		heap_advise(object[i], BYTES, MM_COLD);
	/* so far apart that no touch is next to another */
	for (unsigned i = 0; i < OBJECTS; i += 7) {
		char *first = object[i], *last = first + BYTES - 1;

		if (!heap_is_out(first) || !heap_is_out(last))
			continue;
		tried++;
		CHECK(*(volatile char *)first == (char)(i % 255));
		/* the service says so a moment after the page is there */
		for (unsigned ms = 0; ms < 100 && heap_is_out(last); ms++)
			usleep(1000);
		halves += (unsigned)heap_is_out(last);
	}
	CHECK(!under_libmm() || tried > 100);
	CHECK(!halves);
	for (unsigned i = 0; i < OBJECTS; i++)
		for (unsigned k = 0; k < BYTES; k++)
			CHECK(object[i][k] == (char)(i % 255));
	return check_result();
}
