// SPDX-License-Identifier: MIT
/*
 * os/topology.c - nodes, distances, placement, and a few facts of the process
 *
 * Raw system calls with the constants of libnuma's numaif.h. The library itself
 * cannot live inside malloc: its constructor allocates, and it sets errno. The
 * tests hold what is found here against what it says.
 */
#include <dlfcn.h>
#include <errno.h>
#include <numaif.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/rseq.h>
#include <time.h>
#include <sys/sysinfo.h>
#include "os/os.h"
#include "os/syscall.h"

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5
#endif
#define MODE_FLAGS (~0U << 13) /* MPOL_F_STATIC_NODES and its like */

#ifdef __aarch64__
#define VDSO_CLOCK "__kernel_clock_gettime"
#else
#define VDSO_CLOCK "__vdso_clock_gettime"
#endif

/* not in a static program */
void *dlopen(const char *file, int mode) __attribute__((weak));
void *dlsym(void *handle, const char *name) __attribute__((weak));

static const unsigned long ALL_NODES = (1UL << MAX_NODES) - 1;

/* Nodes as the kernel answers; 0 if it does not. */
static unsigned long get_policy(int *mode, unsigned flags)
{
	/* older kernels want room for all their possible nodes */
	unsigned long mask[16] = { 0 };

	if (sys5(SYS_get_mempolicy, mode, mask, sizeof(mask) * 8, NULL, flags))
		return 0;
	return mask[0] & ALL_NODES;
}

unsigned long os_nodes_allowed(void)
{
	unsigned long nodes = get_policy(NULL, MPOL_F_MEMS_ALLOWED);

	return nodes ? nodes : 1;
}

unsigned long os_nodes_steered(void)
{
	int mode = MPOL_DEFAULT;
	unsigned long nodes = get_policy(&mode, 0);

	mode &= (int)~MODE_FLAGS;
	return mode == MPOL_DEFAULT || mode == MPOL_LOCAL ? 0 : nodes;
}

/* The kernel writes sets as "0-2,5". */
unsigned long os_nodes_with_cpus(void)
{
	char buf[256];
	const char *p = buf;
	unsigned long nodes = 0;

	if (os_read_file("/sys/devices/system/node/has_cpu", buf,
			 sizeof(buf)) <= 0)
		return ALL_NODES;
	while (*p >= '0' && *p <= '9') {
		size_t last, i = os_number(&p);

		last = *p == '-' ? (p++, os_number(&p)) : i;
		for (; i <= last && i < MAX_NODES; i++)
			nodes |= 1UL << i;
		p += *p == ',';
	}
	return nodes;
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
		v = (unsigned)os_number(&p);
	}
	return v;
}

/* "Node 0 MemTotal:       24678912 kB", and so on. */
static size_t meminfo_field(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	if (!p)
		return SIZE_MAX;
	for (p += strlen(name); *p == ' ';)
		p++;
	return os_number(&p) << 10;
}

size_t os_node_free(unsigned node, size_t *total)
{
	char path[64], buf[256];

	os_format(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo",
		  node);
	*total = 0;
	if (os_read_file(path, buf, sizeof(buf)) <= 0)
		return SIZE_MAX;
	*total = meminfo_field(buf, "MemTotal:");
	return meminfo_field(buf, "MemFree:");
}

int os_node_of(const void *p)
{
	size_t page = (uintptr_t)p & ~(os_page_size() - 1);
	int node = -ENOENT;
	long err = sys6(SYS_move_pages, 0, 1, &page, NULL, &node, 0);

	return err ? (int)err : node;
}

/*
 * The C library has the kernel write each thread's CPU into its rseq area: one
 * load instead of a system call. Negative where that was not to be had.
 */
int os_current_cpu(void)
{
	const struct rseq *r =
		(const void *)((char *)__builtin_thread_pointer() +
			       __rseq_offset);

	return __rseq_size ? (int)READ_ONCE(r->cpu_id) : -1;
}

void os_getcpu(unsigned *cpu, unsigned *node)
{
	if (sys3(SYS_getcpu, cpu, node, NULL) || *node >= MAX_NODES)
		*cpu = *node = 0;
}

static long mbind_range(void *p, size_t size, int mode, unsigned long nodes)
{
	return sys6(SYS_mbind, p, size, mode, &nodes, MAX_NODES + 1, 0);
}

void os_place(void *p, size_t size, enum os_placement how, unsigned long nodes)
{
	if (how == OS_INTERLEAVE)
		mbind_range(p, size, MPOL_INTERLEAVE, nodes);
	else if (is_power_of_2(nodes) ||
		 mbind_range(p, size, MPOL_PREFERRED_MANY, nodes))
		/* before Linux 5.15: the first of them */
		mbind_range(p, size, MPOL_PREFERRED, nodes);
}

bool os_is_secure(void)
{
	return getauxval(AT_SECURE) != 0;
}

/* The kernel's own, once that has been looked for. */
static int (*get_clock)(clockid_t id, struct timespec *t) = clock_gettime;

void os_clock_init(void)
{
	void *vdso = dlopen && dlsym ? dlopen("linux-vdso.so.1",
					      RTLD_LAZY | RTLD_NOLOAD)
				     : NULL;
	void *found = vdso ? dlsym(vdso, VDSO_CLOCK) : NULL;

	if (found)
		*(void **)&get_clock = found;
}

uint64_t os_clock_ms(void)
{
	struct timespec ts;

	if (get_clock(CLOCK_MONOTONIC_COARSE, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t os_clock_ns(void)
{
	struct timespec t = { 0 };

	get_clock(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

size_t os_ram(void)
{
	struct sysinfo info = { 0 };

	if (sys1(SYS_sysinfo, &info))
		return GIB(1);
	return (size_t)info.totalram * info.mem_unit;
}

size_t os_ram_available(size_t *total)
{
	char buf[256]; /* both are in the first three lines */

	*total = 0;
	if (os_read_file("/proc/meminfo", buf, sizeof(buf)) <= 0)
		return SIZE_MAX;
	*total = meminfo_field(buf, "MemTotal:");
	return meminfo_field(buf, "MemAvailable:");
}
