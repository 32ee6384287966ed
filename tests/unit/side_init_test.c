// SPDX-License-Identifier: MIT
/*
 * unit/side_init_test.c - where options come from: the file, the environment
 *
 * What happens once per process (option_init) is tried in a child: this
 * program again, with CHILD_ARG as its first argument.
 */
#include <sys/stat.h>
#include "side_capture.h"

#define CHILD_ARG "--option-init"

/* ---- the file ---- */

static char conf_path[] = "/tmp/mm.conf.XXXXXX";

static int make_conf(void **state)
{
	static const char line[] = "dirty_ratio=33\n";
	static const char fill[] = "# a comment to make the file longer\n";
	FILE *f;

	strcpy(conf_path, "/tmp/mm.conf.XXXXXX");
	f = fdopen(mkstemp(conf_path), "w");
	for (int i = 0; i < 5000; i++)
		fputs(fill, f);
	fputs(line, f);
	fclose(f);
	return set_defaults(state);
}

static int remove_conf(void **state)
{
	(void)state;
	return unlink(conf_path);
}

static void read_conf(unsigned ratio, bool warned)
{
	char message[160] = "";

	if (warned)
		snprintf(message, sizeof(message),
			 "mm: %s ignored: it must be a file of root that "
			 "others cannot write\n",
			 conf_path);
	option_defaults();
	capture_begin();
	assert_int_equal(option_read_conf(conf_path), 0);
	capture_end();
	assert_string_equal(captured, message);
	assert_int_equal(mm_options.dirty_ratio, ratio);
}

static void a_file_of_root_is_read_however_long(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	read_conf(33, false);
}

static void a_file_others_may_write_is_ignored(void **state)
{
	(void)state;
	chmod(conf_path, 0602);
	read_conf(6, true);
}

static void a_file_of_another_user_is_ignored(void **state)
{
	(void)state;
	if (!geteuid() && chown(conf_path, 12345, 0))
		skip();
	read_conf(6, true);
}

static void an_absent_file_is_no_error(void **state)
{
	(void)state;
	capture_begin();
	assert_int_equal(option_read_conf("/nonexistent/mm.conf"), 0);
	assert_string_equal(capture_end(), "");
}

/* ---- option_init, in a child ---- */

/* What the child of run_init() does: print its options on standard output. */
static int child_main(const char *mode)
{
	struct mm_out o;

	if (!strcmp(mode, "proc"))
		environ = NULL;
	if (!strcmp(mode, "secure") && !os_is_secure())
		return 77;
	option_init();
	out_init(&o, 1);
	option_print(&o);
	return out_flush(&o) ? 1 : 0;
}

static char child_out[8192];

/*
 * Run @exe with @env; its standard output ends up in child_out[], its standard
 * error in captured[]. Returns the status of waitpid().
 */
static int run_init(const char *exe, const char *mode, char **env, uid_t uid)
{
	char *argv[] = { (char *)"side_test", (char *)CHILD_ARG, (char *)mode,
			 NULL };
	int out = memfd_create("stdout", 0), status;
	ssize_t n;
	pid_t pid;

	capture_begin();
	pid = fork();
	if (!pid) {
		dup2(out, 1);
		if (!uid || !setuid(uid))
			execve(exe, argv, env);
		_exit(77);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	capture_end();
	n = pread(out, child_out, sizeof(child_out) - 1, 0);
	assert_true(n >= 0);
	child_out[n] = '\0';
	close(out);
	return status;
}

static int run_self(const char *mode, const char *options)
{
	char *env[] = { (char *)"MM_OPTION=check", (char *)options, NULL };

	return run_init("/proc/self/exe", mode, env, 0);
}

static void the_environment_sets_options(void **state)
{
	(void)state;
	assert_int_equal(run_self("", "MM_OPTIONS=dirty=64K,numa=fake:3"), 0);
	assert_non_null(strstr(child_out, "\ndirty=64K\n"));
	assert_non_null(strstr(child_out, "numa=fake:3\n"));
	assert_int_equal(run_self("", "MM_OPTIONS="), 0);
	assert_int_equal(run_self("", NULL), 0);
}

static void proc_is_read_before_libc_sets_environ(void **state)
{
	size_t len = KIB(100);
	char *fill = malloc(len);
	char *env[] = { fill, fill, (char *)"MM_OPTIONS=dirty=64K,foo", NULL };

	(void)state;
	memset(fill, 'f', len);
	memcpy(fill, "FILL=", 5);
	fill[len - 1] = '\0';
	assert_int_equal(run_init("/proc/self/exe", "proc", env, 0), 0);
	assert_non_null(strstr(child_out, "\ndirty=64K\n"));
	assert_non_null(strstr(captured, "unknown option \"foo\" in "
					 "MM_OPTIONS"));
	assert_int_equal(run_self("proc", NULL), 0);
	free(fill);
}

static void the_environment_is_ignored_in_setuid_programs(void **state)
{
	char path[] = "/tmp/side_test.XXXXXX", command[64];
	char *env[] = { (char *)"MM_OPTIONS=dirty=64K,foo", NULL };
	int status;

	(void)state;
	if (geteuid())
		skip();
	close(mkstemp(path));
	snprintf(command, sizeof(command), "cp /proc/%d/exe %s", getpid(),
		 path);
	assert_int_equal(system(command), 0);
	assert_int_equal(chmod(path, 04755), 0);
	status = run_init(path, "secure", env, 12345);
	unlink(path);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip(); /* /tmp is mounted nosuid, or such */
	assert_int_equal(status, 0);
	assert_null(strstr(child_out, "dirty=64K"));
	assert_null(strstr(captured, "foo"));
}

static void strict_aborts_after_all_messages(void **state)
{
	int status = run_self("", "MM_OPTIONS=foo,strict=on,dirty=x");

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(captured, "unknown option \"foo\""));
	assert_non_null(strstr(captured, "bad value \"x\""));
	assert_non_null(
		strstr(captured, "\nmm: 2 wrong options, and strict=on\n"));
	assert_int_equal(run_self("", "MM_OPTIONS=strict=on,dirty=1M"), 0);
	assert_int_equal(run_self("", "MM_OPTIONS=foo"), 0);
}

static void help_prints_the_table_and_goes_on(void **state)
{
	(void)state;
	assert_int_equal(run_self("", "MM_OPTIONS=help,dirty=3M"), 0);
	assert_non_null(strstr(captured, "  dirty=3M\n"));
	assert_non_null(strstr(captured, "(a size like 64K, 4M or 2G; default "
					 "1M)\n"));
	assert_non_null(strstr(captured, "(a size like 64K, 4M or 2G, or auto; "
					 "default 0)\n"));
	assert_non_null(strstr(captured, "(a time like 90s, 2m or 1h, from 1s "
					 "to 86400s; default 120s)\n"));
	assert_non_null(strstr(captured, "(a path; default none)\n"));
	assert_non_null(strstr(child_out, "\ndirty=3M\n"));
}

#define CONF_TEST(f) cmocka_unit_test_setup_teardown(f, make_conf, remove_conf)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CONF_TEST(a_file_of_root_is_read_however_long),
		CONF_TEST(a_file_others_may_write_is_ignored),
		CONF_TEST(a_file_of_another_user_is_ignored),
		cmocka_unit_test(an_absent_file_is_no_error),
		cmocka_unit_test(the_environment_sets_options),
		cmocka_unit_test(proc_is_read_before_libc_sets_environ),
		cmocka_unit_test(the_environment_is_ignored_in_setuid_programs),
		cmocka_unit_test(strict_aborts_after_all_messages),
		cmocka_unit_test(help_prints_the_table_and_goes_on),
	};

	if (argc == 3 && !strcmp(argv[1], CHILD_ARG))
		return child_main(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
