// SPDX-License-Identifier: MIT
/*
 * free.c - what is free on a page that is swapped out costs next to nothing
 *
 * The bytes do not shrink; one object of sixteen is in use.
 */
#include "heap.h"

#define OBJECTS 60000
#define BYTES	1000
#define ONE_OF	16

int main(void)
{
	char **object = own_memory(OBJECTS * sizeof(*object));
	size_t before, after, used = OBJECTS / ONE_OF * BYTES;
	size_t (*reclaim)(size_t);

	if (!swap_possible())
		return SKIP;
	before = proc_number("/proc/self/status", "VmRSS") * KIB;
	for (unsigned i = 0; i < OBJECTS; i++) {
		object[i] = malloc(BYTES);
		CHECK(object[i]);
		pattern_fill(object[i], BYTES, i);
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		if (i % ONE_OF)
			free(object[i]);
	*(void **)&reclaim = mm_symbol("mm_reclaim");
	if (reclaim)
		reclaim(OBJECTS * BYTES);
	after = proc_number("/proc/self/status", "VmRSS") * KIB;
	printf("%zu KiB in use, %zu KiB resident\n", used / KIB,
	       (after - before) / KIB);
	CHECK(!under_libmm() || after - before < used * 3);
	for (unsigned i = 0; i < OBJECTS; i += ONE_OF)
		CHECK(pattern_intact(object[i], BYTES, i));
	/* what is free is in order */
	for (unsigned i = 0; i < OBJECTS; i++)
		if (i % ONE_OF) {
			object[i] = malloc(BYTES);
			CHECK(object[i]);
			pattern_fill(object[i], BYTES, i);
		}
	for (unsigned i = 0; i < OBJECTS; i++)
		CHECK(pattern_intact(object[i], BYTES, i));
	return check_result();
}
