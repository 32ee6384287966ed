/* SPDX-License-Identifier: MIT */
/*
 * confined.c - the program confines itself while some of its heap is out
 *
 * By a filter for all threads, under which what swap does would kill the
 * process, while other threads work; by namespaces that are for a process of
 * one thread; by a limit on descriptors, or the use of all; by a root in which
 * there is no /proc.
 * Nothing may be lost, and children have everything.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap.h"

#define NR_BLOCKS  24
#define NR_THREADS 3
#define NR_SMALL   20000
#define DENIED	   77 /* the machine does not let us */
#define SYSCALL(nr, what)                                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                       \
		BPF_STMT(BPF_RET | BPF_K, (what))

static int stop;

static unsigned nr_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned nr = 0;

	while (dir && readdir(dir))
		nr++;
	if (dir)
		closedir(dir);
	return nr - 2;
}

/* A child, and a child of that, have all of it. */
static void check_children(const struct heap *h)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		if (heap_wrong(h))
			_exit(1);
		pid = fork();
		if (!pid)
			_exit(!!heap_wrong(h));
		waitpid(pid, &status, 0);
		_exit(!!status);
	}
	waitpid(pid, &status, 0);
	CHECK(!status);
}

/* What swap needs, and the program does not. */
static int filter_all(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		SYSCALL(SYS_ioctl, SECCOMP_RET_KILL_PROCESS),
		SYSCALL(SYS_sched_setaffinity, SECCOMP_RET_KILL_PROCESS),
		SYSCALL(SYS_pread64, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]),
				      filter };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_TSYNC, &program);
}

/* A heap of its own, with large and small blocks, that grows and shrinks. */
static void *work(void *arg)
{
	struct heap h;
	void **small = calloc(NR_SMALL, sizeof(*small));
	long wrong = 0;

	(void)arg;
	heap_make(&h, 4, MIB);
	for (unsigned v = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); v++) {
		heap_write(&h, v);
		for (size_t i = 0; i < NR_SMALL; i++) {
			small[i] = realloc(small[i], 16 + (i * v) % 500);
			memset(small[i], (int)i, 16);
		}
		for (size_t i = 0; i < NR_SMALL; i++)
			wrong += *(unsigned char *)small[i] != (unsigned char)i;
		wrong += heap_wrong(&h);
	}
	return (void *)wrong;
}

static int by_filter(const struct heap *h)
{
	pthread_t t[NR_THREADS];
	void *wrong;

	for (unsigned i = 0; i < NR_THREADS; i++)
		CHECK(!pthread_create(&t[i], NULL, work, NULL));
	usleep(200000);
	CHECK(!filter_all());
	usleep(200000);
	CHECK(!heap_wrong(h));
	check_children(h);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		CHECK(!pthread_join(t[i], &wrong));
		CHECK(!wrong);
	}
	return check_result();
}

static int denied(void)
{
	return check_result() ? 1 : DENIED;
}

static int by_namespace(const struct heap *h)
{
	CHECK(nr_threads() == (under_libmm() ? 4 : 1));
	if (unshare(CLONE_NEWUSER)) {
		CHECK(errno == EPERM || errno == ENOSPC);
		return denied();
	}
	CHECK(nr_threads() == 1);
	CHECK(!heap_wrong(h));
	check_children(h);
	return check_result();
}

/* Mount namespaces are for who shares no root with other threads. */
static int by_mounts(const struct heap *h)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY);

	if (setns(fd, CLONE_NEWNS)) {
		CHECK(errno == EPERM);
		return denied();
	}
	CHECK(nr_threads() == (under_libmm() ? 4 : 1));
	CHECK(!heap_wrong(h));
	return check_result();
}

/* The service has a descriptor for every child. */
static int by_limit(const struct heap *h)
{
	struct rlimit none = { 3, 3 };

	CHECK(!setrlimit(RLIMIT_NOFILE, &none));
	check_children(h);
	CHECK(!heap_wrong(h));
	return check_result();
}

/* No descriptor is left: the child cannot open the file a second time. */
static int by_use(const struct heap *h)
{
	int fd = open("/dev/null", O_RDONLY), last = fd, next;

	while ((next = open("/dev/null", O_RDONLY)) >= 0)
		last = next;
	check_children(h);
	heap_evict(h);
	CHECK(!close(last));
	check_children(h);
	CHECK(!heap_wrong(h));
	for (; last > fd; last--)
		close(last - 1);
	heap_evict(h);
	check_children(h);
	CHECK(!heap_wrong(h));
	return check_result();
}

static void *touch_new(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		char *p = malloc(40 * MIB);

		for (size_t i = 0; p && i < 40 * MIB; i += HEAP_PAGE)
			p[i] = 1;
		free(p);
	}
	return arg;
}

static int by_root(const struct heap *h)
{
	char dir[] = "/var/tmp/mm-confined-XXXXXX";
	pthread_t t;

	CHECK(mkdtemp(dir) && !chdir(dir) && !rmdir(dir));
	if (chroot(".")) {
		CHECK(errno == EPERM);
		return denied();
	}
	check_children(h);
	heap_evict(h);
	check_children(h);
	/* copies are made while others touch what is new */
	CHECK(!pthread_create(&t, NULL, touch_new, NULL));
	for (int i = 0; i < 20; i++)
		check_children(h);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	CHECK(!pthread_join(t, NULL));
	CHECK(!heap_wrong(h));
	return check_result();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*f)(const struct heap *h);
	} way[] = { { "filter", by_filter }, { "namespace", by_namespace },
		    { "mounts", by_mounts }, { "limit", by_limit },
		    { "use", by_use },	     { "root", by_root } };
	struct heap h;

	if (!swap_possible())
		return SKIP;
	heap_make(&h, NR_BLOCKS, MIB);
	heap_write(&h, 1);
	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		int status = -1;
		pid_t pid;

		if (argc > 1 && strcmp(argv[1], way[i].name))
			continue;
		heap_evict(&h);
		pid = fork();
		if (!pid)
			_exit(way[i].f(&h));
		waitpid(pid, &status, 0);
		printf("%s: status %x\n", way[i].name, status);
		CHECK(!status || status == DENIED << 8);
	}
	CHECK(!heap_wrong(&h));
	return check_result();
}
