/* SPDX-License-Identifier: MIT */
/*
 * dropped.c - the program drops its privileges while some of its heap is out
 *
 * As root only. All threads of the process are the new user then, with its
 * groups and capabilities, and nothing is lost, in children neither. What a
 * child of vfork() does is its own.
 */
#include <ctype.h>
#include <dirent.h>
#include <grp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap.h"

#define NOBODY	  65534
#define NR_BLOCKS 16

static struct heap h;
static int stop;

/* Lines of /proc/self/task/TID/status that begin so: how many differ. */
static int others_than(const char *key, const char *value)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	char path[300], line[300];
	int nr = 0;

	while (dir && (e = readdir(dir))) {
		FILE *f;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 e->d_name);
		f = fopen(path, "r");
		CHECK(f);
		while (f && fgets(line, sizeof(line), f)) {
			if (strncmp(line, key, strlen(key)))
				continue;
			line[strcspn(line, "\n")] = '\0';
			if (strcmp(line + strlen(key), value)) {
				dprintf(2, "%s: %s\n", e->d_name, line);
				nr++;
			}
		}
		if (f)
			fclose(f);
	}
	closedir(dir);
	return nr;
}

static void *work(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		char *p = malloc(MIB);

		memset(p, 1, MIB);
		usleep(100);
		free(p);
	}
	return arg;
}

static void check_all(void)
{
	int status = -1;
	pid_t pid;

	CHECK(!heap_wrong(&h));
	pid = fork();
	if (!pid)
		_exit(!!heap_wrong(&h));
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	heap_evict(&h);
}

#define CHANGES 200

/* Each is followed by all threads, while others touch nothing. */
static void change_often(void)
{
	for (unsigned i = 0; i < CHANGES; i++)
		CHECK(!setegid(i % 2 ? 0 : NOBODY));
	CHECK(heap_was_out(&h, 20));
}

/* Such a child may not swap: it has to find everything in memory. */
static int become_nobody_and_fork(void)
{
	CHECK(!setuid(NOBODY));
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
	check_all();
	return check_result();
}

static int drop(void)
{
	gid_t groups[] = { 100, NOBODY };
	pthread_t t;

	CHECK(!pthread_create(&t, NULL, work, NULL));
	CHECK(!setgroups(2, groups));
	CHECK(!setresgid(NOBODY, NOBODY, NOBODY));
	CHECK(!others_than("Groups:\t", "100 65534 "));
	CHECK(!others_than("Gid:\t", "65534\t65534\t65534\t65534"));
	check_all();
	/* and back */
	CHECK(!seteuid(NOBODY));
	CHECK(!others_than("Uid:\t", "0\t65534\t0\t65534"));
	CHECK(!others_than("CapEff:\t", "0000000000000000"));
	check_all();
	CHECK(!seteuid(0));
	CHECK(!others_than("Uid:\t", "0\t0\t0\t0"));
	check_all();
	CHECK(!setuid(NOBODY));
	CHECK(!others_than("Uid:\t", "65534\t65534\t65534\t65534"));
	CHECK(!others_than("CapEff:\t", "0000000000000000"));
	CHECK(!others_than("CapPrm:\t", "0000000000000000"));
	check_all();
	CHECK(!heap_wrong(&h));
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	CHECK(!pthread_join(t, NULL));
	return check_result();
}

int main(void)
{
	int status = -1;
	pid_t pid;

	if (!swap_possible() || geteuid())
		return SKIP;
	heap_make(&h, NR_BLOCKS, MIB);
	heap_write(&h, 1);
	heap_evict(&h);
	change_often();
	pid = fork();
	if (!pid)
		_exit(become_nobody_and_fork());
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	pid = fork();
	if (!pid)
		_exit(drop());
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	pid = vfork();
	if (!pid) {
		setuid(NOBODY);
		_exit(getuid() != NOBODY);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	CHECK(!others_than("Uid:\t", "0\t0\t0\t0"));
	check_all();
	CHECK(!heap_wrong(&h));
	return check_result();
}
