// SPDX-License-Identifier: MIT
/*
 * os/cgroup.c - how much memory the process has, and its group may have
 *
 * Of both versions, as seen below /sys/fs/cgroup. The group is looked up once;
 * the files are read anew, as limits change.
 */
#include <string.h>
#include "os/os.h"

#define PATH_SIZE 512
#define V1_ROOT	  "/sys/fs/cgroup/memory"
#define V2_ROOT	  "/sys/fs/cgroup"

static char group[PATH_SIZE]; /* folder, or "" */
static bool is_v2;

/* The number behind a word at the start of a line; SIZE_MAX if there is none.
 */
static size_t number_after(const char *text, const char *word)
{
	size_t len = strlen(word);

	while (text && strncmp(text, word, len)) {
		text = strchr(text, '\n');
		text += text != NULL;
	}
	if (!text || text[len] < '0' || text[len] > '9')
		return SIZE_MAX;
	text += len;
	return os_number(&text);
}

static long read_file(const char *name, char *buf, size_t len)
{
	char path[PATH_SIZE + 32];

	os_format(path, sizeof(path), "%s/%s", group, name);
	return os_read_file(path, buf, len);
}

static size_t read_number(const char *name)
{
	char buf[32];

	return read_file(name, buf, sizeof(buf)) > 0 ? number_after(buf, "")
						     : SIZE_MAX;
}

/* In a container the path may be the host's: then its root is ours. */
static bool try_group(const char *root, const char *path, size_t len,
		      const char *file)
{
	char buf[32];

	os_format(group, sizeof(group), "%s%.*s", root, (int)len, path);
	if (read_file(file, buf, sizeof(buf)) > 0)
		return true;
	os_format(group, sizeof(group), "%s", root);
	if (read_file(file, buf, sizeof(buf)) > 0)
		return true;
	group[0] = '\0';
	return false;
}

static bool find_group(void)
{
	char buf[4096];
	const char *v1, *v2;

	if (os_read_file("/proc/self/cgroup", buf, sizeof(buf)) <= 0)
		return false;
	v1 = strstr(buf, ":memory:");
	v2 = strstr(buf, "0::");
	if (v1 && try_group(V1_ROOT, v1 + 8, strcspn(v1 + 8, "\n"),
			    "memory.limit_in_bytes"))
		return true;
	is_v2 = v2 &&
		try_group(V2_ROOT, v2 + 3, strcspn(v2 + 3, "\n"), "memory.max");
	return is_v2;
}

size_t os_cgroup_memory(size_t *used)
{
	static bool looked;
	char buf[4096];
	size_t max;

	if (!looked)
		find_group();
	looked = true;
	*used = 0;
	if (!group[0])
		return SIZE_MAX;
	max = is_v2 ? min_size(read_number("memory.max"),
			       read_number("memory.high"))
		    : read_number("memory.limit_in_bytes");
	/* no limit is a very large number in version 1 */
	if (max > os_ram() || read_file("memory.stat", buf, sizeof(buf)) <= 0)
		return SIZE_MAX;
	*used = number_after(buf, is_v2 ? "anon " : "rss ");
	return *used == SIZE_MAX ? SIZE_MAX : max;
}

size_t os_resident_self(void)
{
	char buf[128];
	const char *second;

	if (os_read_file("/proc/thread-self/statm", buf, sizeof(buf)) <= 0)
		return 0;
	second = strchr(buf, ' ');
	return second ? number_after(second, " ") * os_page_size() : 0;
}
