// SPDX-License-Identifier: MIT
/*
 * os/topology.c - nodes, distances, placement, and a few facts of the process
 *
 * Raw system calls with the constants of libnuma's numaif.h. The library itself
 * cannot live inside malloc: its constructor allocates, and it sets errno. The
 * tests hold what is found here against what it says.
 */
#include <numaif.h>
#include <sys/auxv.h>
#include <time.h>
#include "os/os.h"
#include "os/syscall.h"

unsigned long os_nodes_allowed(void)
{
	unsigned long mask[16] = { 0 };

	/* older kernels want room for all their possible nodes */
	if (sys5(SYS_get_mempolicy, NULL, mask, sizeof(mask) * 8, NULL,
		 MPOL_F_MEMS_ALLOWED))
		mask[0] = 0;
	mask[0] &= (1UL << MAX_NODES) - 1;
	return mask[0] ? mask[0] : 1;
}

unsigned os_node_distance(unsigned from, unsigned to)
{
	char path[64], buf[512];
	const char *p = buf;
	unsigned v = 0;

	os_format(path, sizeof(path),
		  "/sys/devices/system/node/node%u/distance", from);
	if (os_read_file(path, buf, sizeof(buf)) <= 0)
		return from == to ? 10 : 20;
	for (unsigned i = 0; i <= to; i++) {
		while (*p == ' ')
			p++;
		if (*p < '0' || *p > '9')
			return from == to ? 10 : 20;
		for (v = 0; *p >= '0' && *p <= '9'; p++)
			v = v * 10 + (unsigned)(*p - '0');
	}
	return v;
}

bool os_is_main_thread(void)
{
	return sys1(SYS_gettid, 0) == sys1(SYS_getpid, 0);
}

unsigned os_current_node(void)
{
	unsigned cpu, node;

	if (sys3(SYS_getcpu, &cpu, &node, NULL) || node >= MAX_NODES)
		return 0;
	return node;
}

void os_prefer_node(void *p, size_t size, unsigned node)
{
	unsigned long mask = 1UL << node;

	sys6(SYS_mbind, p, size, MPOL_PREFERRED, &mask, MAX_NODES + 1, 0);
}

bool os_is_secure(void)
{
	return getauxval(AT_SECURE) != 0;
}

uint64_t os_clock_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC_COARSE, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
