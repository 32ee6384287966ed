// SPDX-License-Identifier: MIT
/*
 * side/option_init.c - where options come from: a file and the environment
 *
 * Runs inside the first malloc of the process, perhaps before libc knows the
 * environment. So there is no getenv here, and files are read into mappings.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "side/option.h"

/* the kernel takes at most 6 MiB of arguments and environment */
#define FILE_SIZE_MIN KIB(64)
#define FILE_SIZE_MAX MIB(8)

/* A whole file in a mapping of its own; .p is NULL if there is none. */
struct file {
	char *p;
	size_t size;
	long len;
};

static struct file file_read(const char *path)
{
	struct file f = { .size = FILE_SIZE_MIN, .len = -ENOMEM };

	for (; f.size <= FILE_SIZE_MAX; f.size *= 2) {
		f.p = os_map(f.size);
		if (!f.p)
			break;
		f.len = os_read_file(path, f.p, f.size);
		if (f.len >= 0 && f.len < (long)f.size - 1)
			return f;
		os_unmap(f.p, f.size);
		f.p = NULL;
		if (f.len < 0)
			break;
		f.len = -EFBIG;
	}
	if (f.len != -ENOENT)
		mm_warn("cannot read %s (error %ld); ignored", path, -f.len);
	return f;
}

unsigned option_read_conf(const char *path)
{
	struct file f;
	unsigned wrong;
	int trusted = os_file_trusted(path);

	if (trusted == -ENOENT)
		return 0;
	/* what others may write must not steer a program of root's */
	if (trusted != 1) {
		mm_warn("%s ignored: it must be a file of root that others "
			"cannot write",
			path);
		return 0;
	}
	f = file_read(path);
	if (!f.p)
		return 0;
	wrong = option_parse_conf(f.p, (size_t)f.len, path);
	os_unmap(f.p, f.size);
	return wrong;
}

/* The value in "MM_OPTIONS=value", or NULL. */
static const char *env_value(const char *entry)
{
	if (strncmp(entry, OPTION_ENV "=", sizeof(OPTION_ENV)))
		return NULL;
	return entry + sizeof(OPTION_ENV);
}

static unsigned parse_env(const char *value)
{
	return option_parse(value, strlen(value), OPTION_ENV);
}

/* For a malloc that comes before libc has set environ. */
static unsigned read_proc_environ(void)
{
	struct file f = file_read("/proc/self/environ");
	const char *value = NULL;
	unsigned wrong = 0;

	if (!f.p)
		return 0;
	for (char *p = f.p; p < f.p + f.len && !value; p += strlen(p) + 1)
		value = env_value(p);
	if (value)
		wrong = parse_env(value);
	os_unmap(f.p, f.size);
	return wrong;
}

static unsigned read_environ(void)
{
	if (os_is_secure())
		return 0;
	if (!environ)
		return read_proc_environ();
	for (char **e = environ; *e; e++)
		if (env_value(*e))
			return parse_env(env_value(*e));
	return 0;
}

static __cold void print_help(void)
{
	struct mm_out o;

	out_init(&o, STDERR_FILENO);
	option_help(&o);
	out_flush(&o);
}

void option_init(void)
{
	unsigned wrong;

	option_defaults();
	wrong = option_read_conf(OPTION_CONF);
	wrong += read_environ();
	if (mm_options.help)
		print_help();
	if (wrong && mm_options.strict)
		bug("%u wrong option%s, and strict=on", wrong,
		    wrong == 1 ? "" : "s");
}
