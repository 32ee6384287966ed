// SPDX-License-Identifier: MIT
/*
 * unit/side_test.c - options and counters
 *
 * Messages are compared with what arrives on standard error.
 */
#include <pthread.h>
#include "side_capture.h"
#include "side/stat.h"

/* ---- values ---- */

static void defaults_are_those_of_the_table(void **state)
{
	(void)state;
	assert_int_equal(mm_options.numa.word, NUMA_LOCAL);
	assert_int_equal(mm_options.numa.nodes, 0);
	assert_false(mm_options.check);
	assert_int_equal(mm_options.stats.word, STATS_OFF);
	assert_null(mm_options.stats.text);
	assert_int_equal(mm_options.dirty, MIB(1));
	assert_int_equal(mm_options.dirty_ratio, 6);
	assert_int_equal(mm_options.limit, 0);
	assert_int_equal(mm_options.swap, 0);
	assert_int_equal(mm_options.swap_age, 120);
	assert_null(mm_options.swap_dir);
	assert_true(mm_options.swap_crypt);
	assert_int_equal(mm_options.swap_pool, 0);
	assert_false(mm_options.swap_usermode);
	assert_false(mm_options.swap_stress);
	assert_int_equal(mm_options.thp.word, THP_NEVER);
	assert_false(mm_options.strict);
	assert_false(mm_options.verbose);
	assert_false(mm_options.help);
}

static void sizes_take_the_usual_units(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} cases[] = {
		{ "limit=0", 0 },
		{ "limit=4095", 4095 },
		{ "limit=64K", KIB(64) },
		{ "limit=64k", KIB(64) },
		{ "limit=4M", MIB(4) },
		{ "limit=2g", GIB(2) },
		{ "limit=1T", GIB(1024) },
		{ "limit=18446744073709551615", SIZE_MAX },
		{ "limit=16777215T", SIZE_MAX - (GIB(1024) - 1) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		mm_options.limit = 1;
		parse_good(cases[i].text);
		assert_int_equal(mm_options.limit, cases[i].size);
	}
}

static void wrong_sizes_are_refused_and_change_nothing(void **state)
{
	static const char *const cases[] = {
		"dirty=",
		"dirty",
		"dirty=K",
		"dirty=-1",
		"dirty=+1",
		"dirty=0x10",
		"dirty=1.5M",
		"dirty=4MB",
		"dirty=4 M",
		"dirty=4P",
		"dirty=4M=4M",
		"dirty=18446744073709551616",
		"dirty=99999999999999999999",
		"dirty=16777216T",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		parse_bytes(cases[i], strlen(cases[i]), 1);
		assert_non_null(strstr(captured, "bad value"));
		assert_int_equal(mm_options.dirty, MIB(1));
	}
}

static void parse_wrong(const char *option, const char *value, const char *want)
{
	char text[80], message[200];

	snprintf(text, sizeof(text), "%s=%s", option, value);
	snprintf(message, sizeof(message),
		 "mm: bad value \"%s\" for option \"%s\" in MM_OPTIONS: want "
		 "%s; ignored\n",
		 value, option, want);
	parse_bad(text, message);
}

static void swap_takes_a_size_or_auto(void **state)
{
	static const char *const wrong[] = { "",       "autos",	 "Auto", "aut",
					     "auto:1", "auto 1", "1auto" };

	(void)state;
	parse_good("swap=auto");
	assert_int_equal(mm_options.swap, SIZE_AUTO);
	assert_non_null(strstr(printed(option_print), "\nswap=auto\n"));
	parse_good("swap=0");
	assert_int_equal(mm_options.swap, 0);
	parse_good("swap=18446744073709551614");
	assert_int_equal(mm_options.swap, SIZE_AUTO - 1);
	parse_good("swap=64G");
	assert_non_null(strstr(printed(option_print), "\nswap=64G\n"));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		parse_wrong("swap", wrong[i],
			    "a size like 64K, 4M or 2G, or auto");
	/* the number that stands for "auto" is no size */
	parse_bytes("swap=18446744073709551615", 25, 1);
	assert_int_equal(mm_options.swap, GIB(64));
	parse_bytes("dirty=auto", 10, 1);
}

static void times_have_units_and_stay_in_their_range(void **state)
{
	static const struct {
		const char *value, *view;
		unsigned seconds;
	} right[] = {
		{ "1", "1s", 1 },
		{ "120", "120s", 120 },
		{ "90s", "90s", 90 },
		{ "2m", "120s", 120 },
		{ "1h", "3600s", 3600 },
		{ "24h", "86400s", 86400 },
		{ "1440m", "86400s", 86400 },
	};
	static const char *const wrong[] = {
		"",
		"s",
		"0",
		"0s",
		"0h",
		"86401",
		"25h",
		"1441m",
		"2M",
		"1d",
		"1hs",
		"1h1m",
		"-1",
		"1.5m",
		"2 m",
		"1,5m",
		"auto",
		"18446744073709551616",
		"5124095576030432h",
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		snprintf(text, sizeof(text), "swap_age=%s", right[i].value);
		parse_good(text);
		assert_int_equal(mm_options.swap_age, right[i].seconds);
		snprintf(text, sizeof(text), "\nswap_age=%s\n", right[i].view);
		assert_non_null(strstr(printed(option_print), text));
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		parse_wrong("swap_age", wrong[i],
			    "a time like 90s, 2m or 1h, from 1s to 86400s");
	assert_int_equal(mm_options.swap_age, 86400);
}

static void booleans_have_four_spellings_and_a_short_form(void **state)
{
	static const char *const on[] = { "check=on", "check=yes", "check=1",
					  "check=true", "check" };
	static const char *const off[] = { "check=off", "check=no", "check=0",
					   "check=false" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
		mm_options.check = false;
		parse_good(on[i]);
		assert_true(mm_options.check);
	}
	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		mm_options.check = true;
		parse_good(off[i]);
		assert_false(mm_options.check);
	}
	parse_bad("check=maybe",
		  "mm: bad value \"maybe\" for option \"check\" in MM_OPTIONS: "
		  "want on or off; ignored\n");
	parse_bad("check=", "mm: bad value \"\" for option \"check\" in "
			    "MM_OPTIONS: want on or off; ignored\n");
}

static void numbers_stay_in_their_range(void **state)
{
	(void)state;
	parse_good("dirty_ratio=0");
	assert_int_equal(mm_options.dirty_ratio, 0);
	parse_good("dirty_ratio=100");
	assert_int_equal(mm_options.dirty_ratio, 100);
	parse_bad("dirty_ratio=101",
		  "mm: bad value \"101\" for option \"dirty_ratio\" in "
		  "MM_OPTIONS: want a number from 0 to 100; ignored\n");
	parse_bad("dirty_ratio=0K",
		  "mm: bad value \"0K\" for option \"dirty_ratio\" in "
		  "MM_OPTIONS: want a number from 0 to 100; ignored\n");
	assert_int_equal(mm_options.dirty_ratio, 100);
}

static void stats_remembers_its_path(void **state)
{
	char text[8192], path[] = "json:/tmp/a b:c=d.json";

	(void)state;
	snprintf(text, sizeof(text), "stats=%s", path);
	parse_good(text);
	memset(text, 'x', sizeof(text)); /* the caller's copy may go */
	assert_int_equal(mm_options.stats.word, STATS_JSON);
	assert_string_equal(mm_options.stats.text, "/tmp/a b:c=d.json");

	memcpy(text, "stats=json:", 11);
	parse_bytes(text, 11 + 4096, 1);
	assert_string_equal(mm_options.stats.text, "/tmp/a b:c=d.json");
	parse_bytes(text, 11 + 4095, 0);
	assert_int_equal(strlen(mm_options.stats.text), 4095);

	parse_bad("stats=json:", "mm: bad value \"json:\" for option \"stats\" "
				 "in MM_OPTIONS: want off, exit or json:PATH; "
				 "ignored\n");
	parse_bytes("stats=json:a\nb", 14, 1);
	parse_good("stats=exit");
	assert_int_equal(mm_options.stats.word, STATS_EXIT);
	assert_null(mm_options.stats.text);
}

static void a_path_may_be_any_text_or_none(void **state)
{
	char text[8192] = "swap_dir=/tmp/a b:c=d #";

	(void)state;
	parse_good(text);
	memset(text, 'x', sizeof(text)); /* the caller's copy may go */
	assert_string_equal(mm_options.swap_dir, "/tmp/a b:c=d #");
	parse_good("swap_dir=\xc3\xa9, check");
	assert_string_equal(mm_options.swap_dir, "\xc3\xa9");
	assert_true(mm_options.check);

	memcpy(text, "swap_dir=", 9);
	parse_bytes(text, 9 + 4096, 1);
	assert_string_equal(mm_options.swap_dir, "\xc3\xa9");
	parse_bytes(text, 9 + 4095, 0);
	assert_int_equal(strlen(mm_options.swap_dir), 4095);

	parse_bad("swap_dir=/a\nb",
		  "mm: bad value \"/a?b\" for option \"swap_dir\" in "
		  "MM_OPTIONS: want a path; ignored\n");
	parse_bad("swap_dir", "mm: bad value \"\" for option \"swap_dir\" in "
			      "MM_OPTIONS: want a path; ignored\n");
	assert_int_equal(strlen(mm_options.swap_dir), 4095);
	parse_good("swap_dir= ,check=off");
	assert_null(mm_options.swap_dir);
}

static void each_text_has_its_own_place(void **state)
{
	(void)state;
	parse_good("stats=json:/a,swap_dir=/b");
	assert_string_equal(mm_options.stats.text, "/a");
	assert_string_equal(mm_options.swap_dir, "/b");
}

/* ---- lists ---- */

static void items_are_separated_by_commas_and_trimmed(void **state)
{
	(void)state;
	parse_good(" thp = never ,,\tcheck , dirty_ratio=\t7 , ");
	assert_int_equal(mm_options.thp.word, THP_NEVER);
	assert_true(mm_options.check);
	assert_int_equal(mm_options.dirty_ratio, 7);
	parse_good("");
	parse_good(" , ,");
}

static void a_comma_before_a_digit_or_a_sign_ends_no_item(void **state)
{
	(void)state;
	parse_good("stats=json:a,1,!,+b,thp=always");
	assert_string_equal(mm_options.stats.text, "a,1,!,+b");
	assert_int_equal(mm_options.thp.word, THP_ALWAYS);
	parse_good("swap_dir=a,1,!,+b,thp=never");
	assert_string_equal(mm_options.swap_dir, "a,1,!,+b");
	assert_int_equal(mm_options.thp.word, THP_NEVER);
	parse_bad("1,2", "mm: unknown option \"1,2\" in MM_OPTIONS; ignored. "
			 "Try MM_OPTIONS=help\n");
}

static void the_last_of_two_equal_names_wins(void **state)
{
	(void)state;
	parse_good("dirty=1M,dirty=2M");
	assert_int_equal(mm_options.dirty, MIB(2));
}

static void a_wrong_item_does_not_stop_the_next(void **state)
{
	(void)state;
	parse_bytes("foo=1,dirty=x,thp=always", 24, 2);
	assert_string_equal(captured,
			    "mm: unknown option \"foo\" in MM_OPTIONS; "
			    "ignored. Try MM_OPTIONS=help\n"
			    "mm: bad value \"x\" for option \"dirty\" in "
			    "MM_OPTIONS: want a size like 64K, 4M or 2G; "
			    "ignored\n");
	assert_int_equal(mm_options.thp.word, THP_ALWAYS);
}

static void text_ends_at_its_length_not_at_a_nul(void **state)
{
	(void)state;
	parse_bytes("dirty_ratio=123", 14, 0);
	assert_int_equal(mm_options.dirty_ratio, 12);
	parse_bytes("check\0=on", 9, 1);
	assert_string_equal(captured, "mm: unknown option \"check?\" in "
				      "MM_OPTIONS (did you mean \"check\"?); "
				      "ignored. Try MM_OPTIONS=help\n");
}

/* ---- messages ---- */

static void an_unknown_name_gets_the_nearest_as_advice(void **state)
{
	static const struct {
		const char *name, *nearest;
	} cases[] = {
		{ "swapp", "swap" },
		{ "swap_time", "swap_age" },
		{ "stat", "stats" },
		{ "drity", "dirty" },
		{ "dirtyratio", "dirty_ratio" },
		{ "nuna", "numa" },
		{ "tph", "thp" },
		{ "Limit", "limit" },
		{ "verbos", "verbose" },
	};
	char message[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(message, sizeof(message),
			 "mm: unknown option \"%s\" in MM_OPTIONS (did you "
			 "mean \"%s\"?); ignored. Try MM_OPTIONS=help\n",
			 cases[i].name, cases[i].nearest);
		parse_bad(cases[i].name, message);
	}
}

static void a_name_like_none_gets_no_advice(void **state)
{
	(void)state;
	parse_bad("background_thread=on",
		  "mm: unknown option \"background_thread\" in MM_OPTIONS; "
		  "ignored. Try MM_OPTIONS=help\n");
	parse_bad("abc", "mm: unknown option \"abc\" in MM_OPTIONS; ignored. "
			 "Try MM_OPTIONS=help\n");
	parse_bad("=on", "mm: unknown option \"\" in MM_OPTIONS; ignored. Try "
			 "MM_OPTIONS=help\n");
}

static void messages_are_one_line_whatever_the_value(void **state)
{
	char text[1000];

	(void)state;
	parse_bad("dirty=a\nb\033[1m\xc3\xa9",
		  "mm: bad value \"a?b?[1m??\" for option \"dirty\" in "
		  "MM_OPTIONS: want a size like 64K, 4M or 2G; ignored\n");
	memset(text, 'z', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "dirty=", 6);
	parse_bad(text, "mm: bad value \"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
			"zzzzzz...\" for option \"dirty\" in MM_OPTIONS: want "
			"a size like 64K, 4M or 2G; ignored\n");
}

static void strings_of_64_kib_and_more_are_fine(void **state)
{
	size_t len = KIB(256);
	char *text = malloc(len);

	(void)state;
	memset(text, 'a', len);
	parse_bytes(text, len, 1);
	assert_null(strstr(captured, "did you mean"));
	memset(text, ',', len);
	memcpy(text + len - 7, ",thp=no", 7);
	parse_bytes(text, len, 1);
	memset(text, ' ', len);
	memcpy(text + len - 7, "check=1", 7);
	parse_bytes(text, len, 0);
	assert_true(mm_options.check);
	free(text);
}

/* ---- lines of a file ---- */

static void conf_errors_name_file_and_line(void **state)
{
	static const char conf[] = "# dirty=1M\n"
				   "\n"
				   "  # thp=never\n"
				   " dirty = 8M \r\n"
				   "swapp=1\n"
				   "stats=json:/a,b\n"
				   "thp=1";
	unsigned n;

	(void)state;
	capture_begin();
	n = option_parse_conf(conf, sizeof(conf) - 1, "/etc/mm.conf");
	capture_end();
	assert_int_equal(n, 2);
	assert_string_equal(captured,
			    "mm: unknown option \"swapp\" in /etc/mm.conf:5 "
			    "(did you mean \"swap\"?); ignored. Try "
			    "MM_OPTIONS=help\n"
			    "mm: bad value \"1\" for option \"thp\" in "
			    "/etc/mm.conf:7: want auto, always or never; "
			    "ignored\n");
	assert_int_equal(mm_options.dirty, MIB(8));
	assert_int_equal(mm_options.thp.word, THP_NEVER);
	assert_string_equal(mm_options.stats.text, "/a,b");
}

/* ---- views ---- */

static void the_view_shows_every_value(void **state)
{
	(void)state;
	assert_string_equal(
		printed(option_print),
		"numa=local\ncheck=off\nstats=off\ndirty=1M\n"
		"dirty_ratio=6\nlimit=0\nwindow=1T\nswap=0\nswap_age=120s\n"
		"swap_dir=\nswap_crypt=on\nswap_pool=0\n"
		"swap_usermode=off\nswap_stress=off\n"
		"thp=never\nstrict=off\nverbose=off\nhelp=off\n");
	parse_good("numa=fake:2,limit=1025K,stats=json:x,thp=auto,dirty=1T,"
		   "window=64M");
	parse_good("swap=auto,swap_age=3h,swap_dir=/a b,swap_crypt=off");
	parse_good("swap_pool=1G,swap_usermode,swap_stress");
	assert_string_equal(
		printed(option_print),
		"numa=fake:2\ncheck=off\nstats=json:x\ndirty=1T\n"
		"dirty_ratio=6\nlimit=1025K\nwindow=64M\nswap=auto\n"
		"swap_age=10800s\nswap_dir=/a b\nswap_crypt=off\n"
		"swap_pool=1G\nswap_usermode=on\nswap_stress=on\n"
		"thp=auto\nstrict=off\nverbose=off\nhelp=off\n");
}

static void the_view_can_be_read_back(void **state)
{
	static char text[4200], dir[4200], view[sizeof(captured)];

	(void)state;
	memcpy(text, "check,stats=json:", 17);
	memcpy(dir, "swap=auto,swap_dir=", 19);
	for (size_t i = 0; i < 4095; i++) {
		text[17 + i] = (char)('a' + i % 26);
		dir[19 + i] = (char)('Z' - i % 26);
	}
	parse_good(text);
	parse_good(dir);
	strcpy(view, printed(option_print));
	assert_true(strlen(view) > 2 * 4095);
	option_defaults();
	assert_int_equal(option_parse_conf(view, strlen(view), "view"), 0);
	assert_string_equal(mm_options.stats.text, text + 17);
	assert_string_equal(mm_options.swap_dir, dir + 19);
	assert_int_equal(mm_options.swap, SIZE_AUTO);
	assert_string_equal(printed(option_print), view);
}

/* ---- counters ---- */

static void counters_have_unique_names_and_a_meaning(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NR_STATS; i++) {
		assert_true(strlen(stat_name[i]) > 2);
		assert_true(strlen(stat_help[i]) > 10);
		for (unsigned j = 0; j < i; j++) {
			assert_string_not_equal(stat_name[i], stat_name[j]);
			assert_string_not_equal(stat_help[i], stat_help[j]);
		}
	}
	assert_string_equal(stat_name[STAT_pgalloc_dma], "pgalloc_dma");
	assert_string_equal(stat_name[STAT_fork], "fork");
	assert_string_equal(stat_name[STAT_foreign_free], "foreign_free");
}

static void sums_add_every_counter_once(void **state)
{
	struct mm_counters a = { 0 }, b = { 0 }, sum = { 0 };

	(void)state;
	for (unsigned i = 0; i < NR_STATS; i++) {
		counter_add(&a, (enum stat_item)i, i + 1);
		counter_add(&b, (enum stat_item)i, 1000);
		counter_add(&b, (enum stat_item)i, UINT64_C(1) << 40);
	}
	stat_sum(&sum, &a);
	stat_sum(&sum, &b);
	for (unsigned i = 0; i < NR_STATS; i++)
		assert_int_equal(sum.n[i], i + 1001 + (UINT64_C(1) << 40));
	assert_int_equal(a.n[2], 3);
}

enum { THREADS = 4, ROUNDS = 100000 };

static void *count_globally(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++)
		stat_add_global(STAT_fork, 3);
	return NULL;
}

static void global_counters_lose_nothing_between_threads(void **state)
{
	uint64_t before = mm_global_counters.n[STAT_fork];
	pthread_t t[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&t[i], NULL, count_globally, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(mm_global_counters.n[STAT_fork] - before,
			 3 * THREADS * ROUNDS);
}

#define OPTION_TEST(f) cmocka_unit_test_setup(f, set_defaults)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPTION_TEST(defaults_are_those_of_the_table),
		OPTION_TEST(sizes_take_the_usual_units),
		OPTION_TEST(wrong_sizes_are_refused_and_change_nothing),
		OPTION_TEST(swap_takes_a_size_or_auto),
		OPTION_TEST(times_have_units_and_stay_in_their_range),
		OPTION_TEST(booleans_have_four_spellings_and_a_short_form),
		OPTION_TEST(numbers_stay_in_their_range),
		OPTION_TEST(stats_remembers_its_path),
		OPTION_TEST(a_path_may_be_any_text_or_none),
		OPTION_TEST(each_text_has_its_own_place),
		OPTION_TEST(items_are_separated_by_commas_and_trimmed),
		OPTION_TEST(a_comma_before_a_digit_or_a_sign_ends_no_item),
		OPTION_TEST(the_last_of_two_equal_names_wins),
		OPTION_TEST(a_wrong_item_does_not_stop_the_next),
		OPTION_TEST(text_ends_at_its_length_not_at_a_nul),
		OPTION_TEST(an_unknown_name_gets_the_nearest_as_advice),
		OPTION_TEST(a_name_like_none_gets_no_advice),
		OPTION_TEST(messages_are_one_line_whatever_the_value),
		OPTION_TEST(strings_of_64_kib_and_more_are_fine),
		OPTION_TEST(conf_errors_name_file_and_line),
		OPTION_TEST(the_view_shows_every_value),
		OPTION_TEST(the_view_can_be_read_back),
		cmocka_unit_test(counters_have_unique_names_and_a_meaning),
		cmocka_unit_test(sums_add_every_counter_once),
		cmocka_unit_test(global_counters_lose_nothing_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
