// SPDX-License-Identifier: MIT
/*
 * unit/os_format_test.c - the formatter against snprintf, warnings, the end
 */
#include <fcntl.h>
#include <limits.h>
#include "capture.h"
#include "os/os.h"

/* ---- the formatter ---- */

/* Formatted by both into buffers of @len bytes, the content is the same. */
#define SAME_IN(len, ...)                                                      \
	do {                                                                   \
		char ours[len], libc[len];                                     \
                                                                               \
		memset(ours, '#', sizeof(ours));                               \
		snprintf(libc, sizeof(libc), __VA_ARGS__);                     \
		assert_int_equal(os_format(ours, sizeof(ours), __VA_ARGS__),   \
				 strlen(libc));                                \
		assert_string_equal(ours, libc);                               \
	} while (0)
#define SAME(...) SAME_IN(200, __VA_ARGS__)

static void strings_are_formatted_as_by_libc(void **state)
{
	const char *volatile null = NULL;
	const char open[3] = { 'a', 'b', 'c' };
	char ours[16];

	(void)state;
	SAME("plain text, 100%% of it");
	SAME("%s", "");
	SAME("[%s] [%s]", "one", "two");
	SAME("[%10s] [%-10s] [%2s]", "right", "left", "long");
	SAME("[%.3s] [%.0s] [%.9s]", "abcdef", "abcdef", "abcdef");
	SAME("[%8.3s] [%-8.3s]", "abcdef", "abcdef");
	SAME("[%*s] [%-*s] [%.*s]", 7, "ab", 7, "cd", 2, "efgh");
	SAME("[%c] [%5c] [%-5c] [%c]", 'x', 'y', 'z', '%');
	/* a precision is also the end of what may be read */
	SAME("[%.3s] [%.*s]", open, 2, open);
	os_format(ours, sizeof(ours), "%s", null);
	assert_string_equal(ours, "(null)");
}

static void numbers_are_formatted_as_by_libc(void **state)
{
	static const unsigned long values[] = {
		0,	   1,	       9,	 10,
		99,	   4096,       INT_MAX,	 INT_MAX + 1U,
		UINT_MAX,  1UL << 40,  LONG_MAX, 1UL << 63,
		ULONG_MAX, -42UL,      -9999UL,	 SIZE_MAX / 10,
		0xabcdef,  1000000000,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		unsigned long v = values[i];
		unsigned u = (unsigned)v;

		SAME("%d %u %x", (int)u, u, u);
		SAME("%ld %lu %lx", (long)v, v, v);
		SAME("%zd %zu %zx", (ssize_t)v, (size_t)v, (size_t)v);
		SAME("%lld %llu", (long long)v, (unsigned long long)v);
		SAME("[%12d] [%-12d] [%012d]", (int)u, (int)u, (int)u);
		SAME("[%30ld] [%-30ld] [%030ld]", (long)v, (long)v, (long)v);
		SAME("[%08x] [%016lx] [%4x] [%-9x]", u, v, u, u);
		SAME("[%*u] [%-*lu] [%0*u]", 11, u, 22, v, 11, u);
		if (v)
			SAME("[%p] [%20p] [%-20p]", (void *)v, (void *)v,
			     (void *)v);
	}
	SAME("%d %d", INT_MIN, INT_MAX);
	SAME("%ld %ld", LONG_MIN, LONG_MAX);
}

static void mixed_arguments_keep_their_places(void **state)
{
	(void)state;
	SAME("%s %d %lx %c %zu %p %u%%", "s", -1, 0xffUL, 'c', (size_t)7,
	     (void *)0x1000, 50U);
	SAME("%d%s%d", 1, "-", 2);
	SAME("%u %lu %u %lu %u %lu %u %lu", 1U, 2UL, 3U, 4UL, 5U, 6UL, 7U, 8UL);
}

static void what_does_not_fit_is_cut(void **state)
{
	char one = '#';

	(void)state;
	SAME_IN(200, "%s", "fits");
	{
		char ours[8], libc[8];

		assert_int_equal(
			os_format(ours, sizeof(ours), "%s-%d", "abcde", 12345),
			7);
		snprintf(libc, sizeof(libc), "%.5s-%d", "abcde", 1);
		assert_string_equal(ours, libc);
	}
	assert_int_equal(os_format(&one, 1, "%s", "abc"), 0);
	assert_int_equal(one, '\0');
	one = '#';
	assert_int_equal(os_format(&one, 0, "%s", "abc"), 0);
	assert_int_equal(one, '#');
}

static void format_that_ends_in_a_percent_sign_ends_there(void **state)
{
	static const char format[] = "100%\0 and no further";
	const char *volatile unchecked = format;
	char ours[40];

	(void)state;
#pragma GCC diagnostic ignored "-Wformat-security"
	assert_int_equal(os_format(ours, sizeof(ours), unchecked), 3);
	assert_string_equal(ours, "100");
}

/* ---- warnings ---- */

static void warning_is_one_line_and_keeps_errno(void **state)
{
	(void)state;
	capture_begin();
	errno = 4321;
	mm_warn("%s is %u", "this", 1);
	assert_int_equal(errno, 4321);
	assert_string_equal(capture_end(), "mm: this is 1\n");
}

static void warning_too_long_for_a_line_is_still_a_line(void **state)
{
	char text[2000];
	size_t n;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_begin();
	mm_warn("%s", text);
	capture_end();
	n = strlen(captured);
	assert_in_range(n, 400, 600);
	assert_ptr_equal(strchr(captured, '\n'), captured + n - 1);
}

static void handler(int sig)
{
	_exit(sig);
}

/* Neither a handler, nor a mask, nor ignoring it keeps the program alive. */
static void bug_aborts_whatever_the_program_does_to_sigabrt(void **state)
{
	static void (*const actions[])(int) = { SIG_DFL, SIG_IGN, handler };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		int status;
		pid_t pid;

		capture_begin();
		pid = start_child();
		if (!pid) {
			sigset_t set;

			sigfillset(&set);
			sigprocmask(SIG_BLOCK, &set, NULL);
			signal(SIGABRT, actions[i]);
			bug("number %zu", i);
		}
		status = child_status(pid);
		capture_end();
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
		assert_memory_equal(captured, "mm: number ", 11);
		assert_int_equal(captured[11], (int)('0' + i));
		assert_string_equal(captured + 12, "\n");
	}
}

static void bug_on_names_the_condition_and_the_place(void **state)
{
	int status, zero = 0;
	pid_t pid;

	(void)state;
	BUG_ON(zero);
	capture_begin();
	pid = start_child();
	if (!pid) {
		BUG_ON(zero == 0);
		_exit(0);
	}
	status = child_status(pid);
	capture_end();
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(captured, "internal error: zero == 0 ("));
	assert_non_null(strstr(captured, "os_format_test.c:"));
}

/* ---- the buffered writer ---- */

static void writer_loses_nothing(void **state)
{
	int fd = memfd_create("out", 0);
	struct mm_out o;
	char line[32];
	size_t at = 0;

	(void)state;
	out_init(&o, fd);
	for (int i = 0; i < 5000; i++)
		out_printf(&o, "line %d of %s\n", i, "many");
	assert_int_equal(out_flush(&o), 0);
	for (int i = 0; i < 5000; i++) {
		char expected[32];
		int n = snprintf(expected, sizeof(expected),
				 "line %d of many\n", i);

		assert_int_equal(pread(fd, line, (size_t)n, (off_t)at), n);
		assert_memory_equal(line, expected, (size_t)n);
		at += (size_t)n;
	}
	assert_int_equal(lseek(fd, 0, SEEK_END), at);
	close(fd);
}

static void writer_keeps_the_first_error(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct mm_out o;

	(void)state;
	if (fd < 0)
		skip();
	out_init(&o, fd);
	for (int i = 0; i < 1000; i++)
		out_printf(&o, "%d\n", i);
	close(fd);
	assert_int_equal(out_flush(&o), -ENOSPC);
	out_printf(&o, "more\n");
	assert_int_equal(out_flush(&o), -ENOSPC);
	out_init(&o, -1);
	assert_int_equal(out_flush(&o), 0);
	out_printf(&o, "x");
	assert_int_equal(out_flush(&o), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_formatted_as_by_libc),
		cmocka_unit_test(numbers_are_formatted_as_by_libc),
		cmocka_unit_test(mixed_arguments_keep_their_places),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(format_that_ends_in_a_percent_sign_ends_there),
		cmocka_unit_test(warning_is_one_line_and_keeps_errno),
		cmocka_unit_test(warning_too_long_for_a_line_is_still_a_line),
		cmocka_unit_test(
			bug_aborts_whatever_the_program_does_to_sigabrt),
		cmocka_unit_test(bug_on_names_the_condition_and_the_place),
		cmocka_unit_test(writer_loses_nothing),
		cmocka_unit_test(writer_keeps_the_first_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
