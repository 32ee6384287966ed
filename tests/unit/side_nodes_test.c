// SPDX-License-Identifier: MIT
/*
 * unit/side_nodes_test.c - the option numa, on machines of any nodes
 */
#include <numa.h>
#include "side_capture.h"

/*
 * The option asks which nodes there are. These tests need nothing else of
 * os/topology.c, so the linker is content with this machine of their own.
 */
static unsigned long allowed;

unsigned long os_nodes_allowed(void)
{
	return allowed;
}

static int set_up(void **state)
{
	allowed = 0xf;
	return set_defaults(state);
}

/* ---- words and nodes ---- */

static void parse_bad_numa(const char *value, const char *nodes)
{
	char text[80], message[320];

	snprintf(text, sizeof(text), "numa=%s", value);
	snprintf(message, sizeof(message),
		 "mm: bad value \"%s\" for option \"numa\" in MM_OPTIONS: want "
		 "local, interleave[:NODES], prefer:NODES with NODES out of %s "
		 "as numactl writes them, off or fake:N with N from 1 to 16; "
		 "ignored\n",
		 value, nodes);
	parse_bad(text, message);
}

static void numa_takes_a_word_or_a_number_of_fake_nodes(void **state)
{
	static const char *const wrong[] = { "fake:0", "fake:17", "fake:",
					     "fake",   "off:1",	  "fake:4K",
					     "faker:2" };

	(void)state;
	parse_good("numa=fake:16");
	assert_int_equal(mm_options.numa.word, NUMA_FAKE);
	assert_int_equal(mm_options.numa.nr, 16);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		parse_bad_numa(wrong[i], "0-3");
		assert_int_equal(mm_options.numa.nr, 16);
	}
	parse_good("numa=off");
	assert_int_equal(mm_options.numa.word, NUMA_OFF);
	assert_int_equal(mm_options.numa.nr, 0);
}

static void numa_takes_nodes_as_numactl_writes_them(void **state)
{
	static const struct {
		unsigned long allowed;
		const char *value;
		unsigned long nodes;
		const char *view;
	} cases[] = {
		{ 0xf, "interleave", 0xf, "interleave:0-3" },
		{ 0xa, "interleave", 0xa, "interleave:1,3" },
		{ 0xa, "interleave:all", 0xa, "interleave:1,3" },
		{ 0xa, "interleave:+all", 0xa, "interleave:1,3" },
		{ 0x1, "prefer:0", 0x1, "prefer:0" },
		{ 0xf, "prefer:3,1,1-2,3", 0xe, "prefer:1-3" },
		{ 0xf, "prefer:0,2-3", 0xd, "prefer:0,2-3" },
		{ 0xf, "prefer:!2", 0xb, "prefer:0-1,3" },
		{ 0xf, "prefer:!0-1,3", 0x4, "prefer:2" },
		{ 0xa, "prefer:+1", 0x8, "prefer:3" },
		{ 0xa, "prefer:+0-1", 0xa, "prefer:1,3" },
		{ 0xa, "prefer:!+1", 0x2, "prefer:1" },
		{ 0xffff, "prefer:!15", 0x7fff, "prefer:0-14" },
		{ 0xb6db, "prefer:all", 0xb6db,
		  "prefer:0-1,3-4,6-7,9-10,12-13,15" },
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		allowed = cases[i].allowed;
		snprintf(text, sizeof(text), "numa=%s", cases[i].value);
		parse_good(text);
		assert_int_equal(mm_options.numa.nodes, cases[i].nodes);
		snprintf(text, sizeof(text), "numa=%s\n", cases[i].view);
		assert_ptr_equal(strstr(printed(option_print), text), captured);
	}
	assert_int_equal(mm_options.numa.word, NUMA_PREFER);
	parse_good("numa=interleave:0");
	assert_int_equal(mm_options.numa.word, NUMA_INTERLEAVE);
	parse_good("numa=local");
	assert_int_equal(mm_options.numa.nodes, 0);
}

static void wrong_nodes_are_refused_with_those_there_are(void **state)
{
	static const char *const wrong[] = {
		"prefer",
		"prefer:",
		"interleave:",
		"prefer:4",
		"prefer:1",
		"prefer:0,1",
		"prefer:0-3",
		"prefer:!1",
		"prefer:3-2",
		"prefer:0-",
		"prefer:-2",
		"prefer:0--2",
		"prefer:2-3-",
		"prefer:,0",
		"prefer:!",
		"prefer:+",
		"prefer:!!0",
		"prefer:+!0",
		"prefer:!all",
		"prefer:!0,2-3",
		"prefer:+3",
		"prefer:!+3",
		"prefer:0,+1",
		"prefer:0,!2",
		"prefer:0x0",
		"prefer:2 3",
		"prefer: 2",
		"prefer:0:2",
		"prefer:ALL",
		"prefer:all:",
		"prefer:16",
		"prefer:0-63",
		"prefer:64",
		"prefer:2K",
		"prefer:+-",
		"local:0",
		"off:all",
		"preferr:0",
		"prefer=0",
		"interleave,0",
		"prefer:18446744073709551616",
	};

	(void)state;
	allowed = 0xd;
	parse_good("numa=prefer:2");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		parse_bad_numa(wrong[i], "0,2-3");
		assert_int_equal(mm_options.numa.word, NUMA_PREFER);
		assert_int_equal(mm_options.numa.nodes, 0x4);
	}
	allowed = 0x1;
	parse_bad_numa("prefer:2", "0");
}

static void a_comma_before_more_nodes_ends_no_item(void **state)
{
	static const char conf[] = "numa = prefer:1,3 \n";

	(void)state;
	parse_good("numa=prefer:0,2-3,check,dirty_ratio=7");
	assert_int_equal(mm_options.numa.nodes, 0xd);
	assert_true(mm_options.check);
	assert_int_equal(mm_options.dirty_ratio, 7);
	parse_bad_numa("prefer:0,9,+1,!2", "0-3");
	parse_good("numa=prefer:0,");
	assert_int_equal(mm_options.numa.nodes, 0x1);
	assert_int_equal(option_parse_conf(conf, sizeof(conf) - 1, "conf"), 0);
	assert_int_equal(mm_options.numa.nodes, 0xa);
}

/* ---- libnuma, which knows this machine only ---- */

static unsigned long mask_of(struct bitmask *nodes)
{
	unsigned long mask = 0;

	for (unsigned i = 0; nodes && i < MAX_NODES; i++)
		if (numa_bitmask_isbitset(nodes, i))
			mask |= 1UL << i;
	return mask;
}

/* The mask of libnuma's set, which is given back. */
static unsigned long take_mask(struct bitmask *nodes)
{
	unsigned long mask = mask_of(nodes);

	if (nodes)
		numa_bitmask_free(nodes);
	return mask;
}

static unsigned long nodes_of_libnuma(const char *text)
{
	return take_mask(numa_parse_nodestring(text));
}

static unsigned long nodes_of_libmm(const char *text)
{
	char item[80];

	snprintf(item, sizeof(item), "numa=prefer:%s", text);
	option_defaults();
	option_parse_conf(item, strlen(item), "conf");
	return mm_options.numa.nodes;
}

/* The @nr-th of all strings over an alphabet; short ones come first. */
static void nth_string(unsigned nr, char *s)
{
	static const char alphabet[] = "01+-!,";

	for (; nr; nr = (nr - 1) / 6)
		*s++ = alphabet[(nr - 1) % 6];
	*s = '\0';
}

/* libnuma leaves numbers to strtoul(), which takes signs; libmm does not. */
static bool has_signed_number(const char *s)
{
	s += *s == '!';
	s += *s == '+';
	for (bool begins = true; *s; s++) {
		if (begins && (*s == '+' || *s == '-'))
			return true;
		begins = *s == ',' || *s == '-';
	}
	return false;
}

static void short_strings_mean_what_they_mean_to_libnuma(void **state)
{
	enum { UP_TO_5 = 6 + 36 + 216 + 1296 + 7776 };
	unsigned right = 0, differ = 0;
	char s[8];

	(void)state;
	if (numa_available() < 0)
		skip();
	allowed = take_mask(numa_get_mems_allowed());
	capture_begin();
	for (unsigned i = 1; i <= UP_TO_5; i++) {
		unsigned long nodes;

		nth_string(i, s);
		nodes = nodes_of_libnuma(s);
		if (has_signed_number(s))
			nodes = 0;
		if (nodes_of_libmm(s) == nodes)
			right += nodes != 0;
		else if (!differ++)
			print_message("\"%s\" is other nodes to libnuma\n", s);
	}
	capture_end();
	assert_int_equal(differ, 0);
	assert_true(right > 20);
}

#define NODES_TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODES_TEST(numa_takes_a_word_or_a_number_of_fake_nodes),
		NODES_TEST(numa_takes_nodes_as_numactl_writes_them),
		NODES_TEST(wrong_nodes_are_refused_with_those_there_are),
		NODES_TEST(a_comma_before_more_nodes_ends_no_item),
		NODES_TEST(short_strings_mean_what_they_mean_to_libnuma),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
