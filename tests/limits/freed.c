/* SPDX-License-Identifier: MIT */
/*
 * freed.c SIZE [MIB] - free 95 % of 1 GiB, oldest first; memory goes back
 *
 * One second after the last free, with no further call and no thread started,
 * the resident memory is that of the live blocks, a tenth, and 8 MiB at most.
 */
#include <time.h>

#include "check.h"

#define SLACK (8 * MIB)

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 0) : 64;
	size_t total = (argc > 2 ? strtoul(argv[2], NULL, 0) : 1024) * MIB;
	size_t count = total / size, gone = count / 20 * 19, i;
	size_t table_bytes = count * sizeof(void *), live, rss;
	struct timespec second = { .tv_sec = 1 };
	char **table;

	if (proc_number("/proc/meminfo", "MemAvailable:") * KIB < 2 * total) {
		puts("SKIP: too little memory available");
		return SKIP;
	}
	/* Resident in full from the start, so that it can be taken off. */
	table = own_memory(table_bytes);
	memset(table, 1, table_bytes);
	for (i = 0; i < count; i++) {
		table[i] = malloc(size);
		CHECK(table[i]);
		memset(table[i], (int)i, size);
	}
	CHECK(rss_bytes() - table_bytes >= total / 20 * 19);
	for (i = 0; i < gone; i++)
		free(table[i]);
	nanosleep(&second, NULL);
	rss = rss_bytes() - table_bytes;
	live = (count - gone) * size;
	printf("%zu B: live %zu KiB, resident %zu KiB, may be %zu KiB\n", size,
	       live / KIB, rss / KIB, (live + live / 10 + SLACK) / KIB);
	CHECK(rss <= live + live / 10 + SLACK);
	CHECK(proc_number("/proc/self/status", "\nThreads") == 1);
	for (i = gone; i < count; i++)
		CHECK(table[i][0] == (char)i && table[i][size - 1] == (char)i);
	return check_result();
}
