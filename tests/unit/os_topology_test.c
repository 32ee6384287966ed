// SPDX-License-Identifier: MIT
/*
 * unit/os_topology_test.c - what os/ says of the machine, held against libnuma
 */
#include <numa.h>
#include <numaif.h>
#include <sched.h>
#include "unit.h"
#include "os/os.h"

static bool have_numa(void)
{
	return numa_available() >= 0;
}

static void nodes_allowed_are_those_of_libnuma(void **state)
{
	struct bitmask *mask;
	unsigned long allowed = os_nodes_allowed();

	(void)state;
	if (!have_numa()) {
		assert_int_equal(allowed, 1);
		return;
	}
	mask = numa_get_mems_allowed();
	for (unsigned i = 0; i < MAX_NODES; i++)
		assert_int_equal(allowed >> i & 1,
				 numa_bitmask_isbitset(mask, i));
	assert_int_equal(allowed >> MAX_NODES, 0);
	numa_bitmask_free(mask);
}

static void distances_are_those_of_libnuma(void **state)
{
	unsigned long allowed = os_nodes_allowed();

	(void)state;
	for (unsigned i = 0; i < MAX_NODES; i++) {
		assert_int_equal(os_node_distance(i, i), 10);
		for (unsigned j = 0; have_numa() && j < MAX_NODES; j++)
			if (allowed >> i & allowed >> j & 1)
				assert_int_equal(os_node_distance(i, j),
						 numa_distance((int)i, (int)j));
	}
	/* a node that is not there is simply remote */
	assert_true(os_node_distance(0, MAX_NODES + 5) > 10);
	assert_true(os_node_distance(MAX_NODES + 5, 0) > 10);
}

static void current_node_is_that_of_the_cpu(void **state)
{
	cpu_set_t old, one;
	unsigned at, node;

	(void)state;
	if (!have_numa()) {
		os_getcpu(&at, &node);
		assert_int_equal(node, 0);
		return;
	}
	assert_int_equal(sched_getaffinity(0, sizeof(old), &old), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &old))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			continue;
		os_getcpu(&at, &node);
		assert_int_equal(at, cpu);
		assert_int_equal(node, numa_node_of_cpu(cpu));
		/* the C library may not have registered its area */
		assert_true(os_current_cpu() == cpu || os_current_cpu() < 0);
	}
	sched_setaffinity(0, sizeof(old), &old);
}

static void preferred_node_is_the_policy_of_the_range(void **state)
{
	unsigned long allowed = os_nodes_allowed();
	unsigned node = (unsigned)__builtin_ctzl(allowed);
	char *p = os_map(KIB(64));
	unsigned long mask[16] = { 0 };
	int mode;

	(void)state;
	assert_non_null(p);
	os_place(p, KIB(64), OS_PREFER, 1UL << node);
	if (have_numa() &&
	    !get_mempolicy(&mode, mask, sizeof(mask) * 8, p, MPOL_F_ADDR)) {
		assert_int_equal(mode, MPOL_PREFERRED);
		assert_int_equal(mask[0], 1UL << node);
	}
	/* one that is not there changes nothing */
	os_place(p, KIB(64), OS_PREFER, 1UL << (MAX_NODES - 1));
	memset(p, 1, KIB(64));
	assert_int_equal(os_unmap(p, KIB(64)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_allowed_are_those_of_libnuma),
		cmocka_unit_test(distances_are_those_of_libnuma),
		cmocka_unit_test(current_node_is_that_of_the_cpu),
		cmocka_unit_test(preferred_node_is_the_policy_of_the_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
