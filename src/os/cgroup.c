// SPDX-License-Identifier: MIT
/*
 * os/cgroup.c - how much memory the process has, and its group may have
 *
 * Of both versions, as seen below /sys/fs/cgroup. The group is looked for once;
 * the files are read anew, as limits change.
 */
#include <fcntl.h>
#include <string.h>
#include "os/os.h"
#include "os/syscall.h"

#define PATH_SIZE 512
#define V1_ROOT	  "/sys/fs/cgroup/memory"
#define V2_ROOT	  "/sys/fs/cgroup"

static char group[PATH_SIZE]; /* folder, or "" */
static char home[PATH_SIZE];  /* the process's own, perhaps without limits */
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

static long read_file(const char *folder, const char *name, char *buf,
		      size_t len)
{
	char path[PATH_SIZE + 32];

	os_format(path, sizeof(path), "%s/%s", folder, name);
	return os_read_file(path, buf, len);
}

static size_t read_number(const char *folder, const char *name)
{
	char buf[32];

	return read_file(folder, name, buf, sizeof(buf)) > 0
		       ? number_after(buf, "")
		       : SIZE_MAX;
}

/* "" above the root. */
static void to_parent(char *folder)
{
	size_t root = strlen(is_v2 ? V2_ROOT : V1_ROOT);
	char *last = strrchr(folder, '/');

	*(strlen(folder) > root ? last : folder) = '\0';
}

/*
 * In a container the path may be the host's: then its root is ours. A group may
 * have no limits of its own: then those above it count.
 */
static bool try_group(const char *path, const char *file)
{
	char buf[32];

	os_format(group, sizeof(group), "%s%.*s", is_v2 ? V2_ROOT : V1_ROOT,
		  (int)strcspn(path, "\n"), path);
	memcpy(home, group, sizeof(home));
	while (group[0] && read_file(group, file, buf, sizeof(buf)) <= 0)
		to_parent(group);
	return group[0];
}

/* Lines are "NUMBER:CONTROLLER:PATH"; version 2 has no controller. */
static const char *path_of(const char *line, const char *controller)
{
	size_t len = strlen(controller);

	while (line) {
		const char *p = strchr(line, ':');

		if (p && !strncmp(p + 1, controller, len) && p[len + 1] == ':')
			return p + len + 2;
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return NULL;
}

static void find_group(void)
{
	char buf[4096];
	const char *v1, *v2;

	if (os_read_file("/proc/self/cgroup", buf, sizeof(buf)) <= 0)
		return;
	v1 = path_of(buf, "memory");
	v2 = path_of(buf, "");
	if (v1 && try_group(v1, "memory.limit_in_bytes"))
		return;
	is_v2 = v2;
	if (v2)
		try_group(v2, "memory.max");
}

static void look_for_group(void)
{
	static bool looked;

	if (!looked)
		find_group();
	looked = true;
}

/* What one group may have, and what it has that cannot be dropped. */
static size_t limit_of(const char *folder, size_t *used)
{
	char buf[4096];
	size_t max = is_v2 ? min_size(read_number(folder, "memory.max"),
				      read_number(folder, "memory.high"))
			   : read_number(folder, "memory.limit_in_bytes");
	size_t anon, shmem;

	/* no limit is a very large number in version 1 */
	if (max > os_ram() ||
	    read_file(folder, "memory.stat", buf, sizeof(buf)) <= 0)
		return SIZE_MAX;
	anon = number_after(buf, is_v2 ? "anon " : "total_rss ");
	shmem = number_after(buf, is_v2 ? "shmem " : "total_shmem ");
	if (anon == SIZE_MAX)
		return SIZE_MAX;
	*used = anon + (shmem == SIZE_MAX ? 0 : shmem);
	return max;
}

size_t os_cgroup_max(void)
{
	char folder[PATH_SIZE];
	size_t least = SIZE_MAX, used;

	look_for_group();
	memcpy(folder, group, sizeof(folder));
	for (; folder[0]; to_parent(folder))
		least = min_size(least, limit_of(folder, &used));
	return least;
}

/* What the kernel keeps there, limit.c leaves in every one. */
size_t os_cgroup_memory(size_t *used)
{
	char folder[PATH_SIZE];
	size_t least = SIZE_MAX, found = SIZE_MAX;

	look_for_group();
	*used = 0;
	memcpy(folder, group, sizeof(folder));
	while (folder[0]) {
		size_t its = 0, max = limit_of(folder, &its);
		size_t may = max - max / CGROUP_PART;
		size_t left = may - min_size(may, its);

		if (max != SIZE_MAX && left < least) {
			least = left;
			found = max;
			*used = its;
		}
		to_parent(folder);
	}
	return found;
}

size_t os_cgroup_processes(void)
{
	char buf[4096], folder[PATH_SIZE];
	size_t nr = 0;

	memcpy(folder, home, sizeof(folder));
	/* as a container sees it, the path may be the host's */
	for (; folder[0] && !nr; to_parent(folder)) {
		if (read_file(folder, "cgroup.procs", buf, sizeof(buf)) <= 0)
			continue;
		for (const char *p = buf; (p = strchr(p, '\n')); p++)
			nr++;
	}
	return nr;
}

int os_statm_open(void)
{
	return (int)sys_open("/proc/thread-self/statm", O_RDONLY);
}

size_t os_resident_self(int fd)
{
	char buf[128];
	long n = sys4(SYS_pread64, fd, buf, sizeof(buf) - 1, 0);
	const char *second;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	second = strchr(buf, ' ');
	return second ? number_after(second, " ") * os_page_size() : 0;
}
