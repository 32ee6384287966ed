/* SPDX-License-Identifier: MIT */
/*
 * launch - run one program and report what it cost
 *
 * A program's peak RSS starts with that of the process that forked it, because
 * exec carries the high-water mark over. So the big Python front never starts
 * a measured program itself: this one does, with vfork, and its own high-water
 * mark is a few hundred KiB. LD_PRELOAD is set for the program alone.
 *
 * Writes two lines of JSON: the pid as soon as the program runs, and the costs
 * once it has ended. The RSS at exit is read while the program is held in its
 * exit, by ptrace; the time that takes is not counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct launch {
	const char *out;
	const char *preload;
	const char *ids;
	unsigned timeout_s;
	bool trace;
	int fd;
	pid_t pid;
	long rss_exit_kib; /* -1: not known */
	long long paused_ns;
	int status;
	struct rusage ru;
};

static volatile pid_t child_pid;
static volatile sig_atomic_t timed_out;

static void fail(const char *what)
{
	fprintf(stderr, "launch: %s: %s\n", what, strerror(errno));
	exit(125);
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void on_alarm(int sig)
{
	(void)sig;
	timed_out = 1;
	if (child_pid > 0)
		kill(-child_pid, SIGKILL);
}

/* smaps_rollup, because the counters of statm lag behind on recent kernels. */
static long rss_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Rss: %ld kB", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void become(const char *ids)
{
	unsigned uid, gid;

	if (sscanf(ids, "%u:%u", &uid, &gid) != 2) {
		errno = EINVAL;
		fail(ids);
	}
	if (setgroups(0, NULL) || setgid(gid) || setuid(uid))
		fail("setuid");
}

static void start(struct launch *l, char **argv)
{
	volatile int error = 0;

	if (l->preload && *l->preload)
		setenv("LD_PRELOAD", l->preload, 1);
	else
		unsetenv("LD_PRELOAD");
	l->pid = vfork();
	if (l->pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[0], argv);
		error = errno;
		_exit(127);
	}
	if (l->pid < 0 || error) {
		errno = error ? error : errno;
		fail(argv[0]);
	}
	child_pid = l->pid;
	dprintf(l->fd, "{\"pid\": %d}\n", (int)l->pid);
	if (l->trace && ptrace(PTRACE_SEIZE, l->pid, 0, PTRACE_O_TRACEEXIT))
		l->trace = false;
}

/* One ptrace stop: let it pass unchanged, after a look at the exit. */
static void handle_stop(struct launch *l)
{
	int sig = WSTOPSIG(l->status);
	int event = l->status >> 16;
	long long t0;

	if (event == PTRACE_EVENT_EXIT) {
		t0 = now_ns();
		l->rss_exit_kib = rss_kib(l->pid);
		l->paused_ns += now_ns() - t0;
		sig = 0;
	} else if (event == PTRACE_EVENT_STOP) {
		if (sig != SIGTRAP) {
			ptrace(PTRACE_LISTEN, l->pid, 0, 0);
			return;
		}
		sig = 0;
	}
	ptrace(PTRACE_CONT, l->pid, 0, (long)sig);
}

static void wait_for_end(struct launch *l)
{
	for (;;) {
		pid_t pid = wait4(l->pid, &l->status, __WALL, &l->ru);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			fail("wait4");
		if (!WIFSTOPPED(l->status))
			return;
		handle_stop(l);
	}
}

static long long tv_us(struct timeval tv)
{
	return tv.tv_sec * 1000000LL + tv.tv_usec;
}

static void report(const struct launch *l, long long wall_ns)
{
	dprintf(l->fd,
		"{\"wall_ns\": %lld, \"user_us\": %lld, \"sys_us\": %lld, "
		"\"peak_kib\": %ld, \"exit_kib\": %ld, \"minflt\": %ld, "
		"\"majflt\": %ld, \"status\": %d, \"signal\": %d, "
		"\"timeout\": %s}\n",
		wall_ns, tv_us(l->ru.ru_utime), tv_us(l->ru.ru_stime),
		l->ru.ru_maxrss, l->rss_exit_kib, l->ru.ru_minflt,
		l->ru.ru_majflt,
		WIFEXITED(l->status) ? WEXITSTATUS(l->status) : -1,
		WIFSIGNALED(l->status) ? WTERMSIG(l->status) : 0,
		timed_out ? "true" : "false");
}

static char **parse(struct launch *l, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+o:p:t:u:s")) != -1) {
		switch (c) {
		case 'o':
			l->out = optarg;
			break;
		case 'p':
			l->preload = optarg;
			break;
		case 't':
			l->timeout_s = (unsigned)atoi(optarg);
			break;
		case 's':
			l->trace = false;
			break;
		case 'u':
			l->ids = optarg;
			break;
		default:
			exit(125);
		}
	}
	if (!l->out || optind >= argc) {
		fprintf(stderr, "usage: launch -o REPORT [-p LIB] [-t SECONDS] "
				"[-u UID:GID] [-s] PROGRAM ARGS...\n");
		exit(125);
	}
	l->fd = open(l->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (l->fd < 0)
		fail(l->out);
	return argv + optind;
}

int main(int argc, char **argv)
{
	struct launch l = { .trace = true, .rss_exit_kib = -1 };
	struct sigaction sa = { .sa_handler = on_alarm };
	char **program = parse(&l, argc, argv);
	long long t0;

	if (l.ids)
		become(l.ids);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGALRM, &sa, NULL);
	alarm(l.timeout_s);
	t0 = now_ns();
	start(&l, program);
	wait_for_end(&l);
	report(&l, now_ns() - t0 - l.paused_ns);
	return 0;
}
