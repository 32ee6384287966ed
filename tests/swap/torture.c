// SPDX-License-Identifier: MIT
/*
 * torture.c [-s seed] [-t seconds] [-m MiB] [-o pages] [-e ops] [-x ops]
 *
 * -o: pages that must have gone out; -e "mlock,realloc": no others; -x
 * "mlock,realloc": all but these
 *
 * Threads write data that can be checked, move it about by every means there
 * is, and fork in every way, while swapd takes pages out as fast as it can. No
 * byte may be wrong, nothing may hang, and so many pages must have been put
 * into the store, or the test has tested nothing. See torture.h.
 */
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "torture.h"

struct shared *shared;
struct mm_calls mm;
unsigned nr_workers = NR_WORKERS;
size_t large_budget;
int stop;
uint64_t run_seed;
__thread struct beat *beat;
unsigned own_failures;

static pid_t main_pid;

/* ---- failures, progress ---- */

/* With children that hang before they have said that they are there. */
static void __attribute__((noreturn)) kill_all(void)
{
	kill(0, SIGKILL);
	_exit(1);
}

void fail(const char *fmt, ...)
{
	char text[1000];
	va_list ap;
	int n;

	n = snprintf(text, sizeof(text), "torture: %s %d: %s: ",
		     getpid() == main_pid ? "process" : "child", getpid(),
		     beat ? beat->where : "-");
	va_start(ap, fmt);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if ((size_t)n > sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n++] = '\n';
	own_failures++;
	if (write(STDERR_FILENO, text, (size_t)n) < 0 ||
	    __atomic_add_fetch(&shared->failures, 1, __ATOMIC_RELAXED) >=
		    MAX_FAIL)
		kill_all();
}

void beat_start(void)
{
	for (unsigned i = 0; i < NR_BEATS; i++) {
		pid_t none = 0;

		if (__atomic_compare_exchange_n(
			    &shared->beat[i].pid, &none, getpid(), false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
			beat = &shared->beat[i];
			beat->tid = (pid_t)syscall(SYS_gettid);
			beat->where = "starts";
			beat->count++;
			return;
		}
	}
	write(STDERR_FILENO, "torture: too many threads\n", 26);
	_exit(1);
}

void beat_end(void)
{
	__atomic_store_n(&beat->pid, 0, __ATOMIC_RELEASE);
	beat = NULL;
}

void count_op(const char *name)
{
	for (unsigned i = 0; i < NR_COUNTS; i++) {
		const char *none = NULL;
		struct count *c = &shared->count[i];

		/* the same strings in all processes */
		if (__atomic_load_n(&c->name, __ATOMIC_ACQUIRE) == name ||
		    __atomic_compare_exchange_n(&c->name, &none, name, false,
						__ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED) ||
		    none == name) {
			__atomic_add_fetch(&c->n, 1, __ATOMIC_RELAXED);
			return;
		}
	}
}

/* As dprintf(), which takes a lock of stdio that a thread in fork() holds. */
static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char text[600];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(1);
}

static void show_file(const char *path)
{
	char text[400];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	if (n > 0)
		say("  %s: %.*s\n", path, (int)n, text);
}

static void show_beats(time_t now)
{
	char path[64];

	for (unsigned i = 0; i < NR_BEATS; i++) {
		struct beat *b = &shared->beat[i];

		if (!b->pid)
			continue;
		say("thread %d of %d: %s, for %ld s\n", b->tid, b->pid,
		    b->where, (long)(now - b->since));
		snprintf(path, sizeof(path), "/proc/%d/task/%d/wchan", b->pid,
			 b->tid);
		show_file(path);
		snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", b->pid,
			 b->tid);
		show_file(path);
	}
}

/* TORTURE_HOLD=1 leaves a hang as it is, for a debugger. */
static void hang(time_t now)
{
	say("torture: HANG: no progress for %d s, seed %lu\n", HANG_SECONDS,
	    (unsigned long)run_seed);
	show_beats(now);
	while (getenv("TORTURE_HOLD"))
		pause();
	kill_all();
}

static void *watchdog(void *arg)
{
	(void)arg;
	for (;;) {
		time_t now = (time_t)(now_ms() / 1000);

		for (unsigned i = 0; i < NR_BEATS; i++) {
			struct beat *b = &shared->beat[i];

			if (!b->pid || b->count != b->seen) {
				b->seen = b->count;
				b->since = now;
			} else if (now - b->since > HANG_SECONDS) {
				hang(now);
			}
		}
		sleep(1);
	}
	return NULL;
}

/* A fault is a wrong byte, too: say where. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	signal(sig, SIG_DFL);
	fail("signal %d, code %d, address %p", sig, info->si_code,
	     info->si_addr);
	raise(sig);
}

/* ---- workers ---- */

static const struct {
	void (*run)(struct worker *);
	const char *where;
	unsigned weight;
} ops[] = {
	{ op_verify, "verifies", 120 },
	{ op_write, "writes", 100 },
	{ op_replace, "malloc, free", 60 },
	{ op_resize, "realloc", 50 },
	{ op_large, "large malloc, free", 3 },
	{ op_exchange, "exchanges", 30 },
	{ op_direct, "O_DIRECT", 20 },
	{ op_file, "read, write", 30 },
	{ op_uring, "io_uring", 10 },
	{ op_pipe, "pipe", 20 },
	{ op_socket, "socket", 20 },
	{ op_vmsplice, "vmsplice", 10 },
	{ op_vm_self, "process_vm_readv", 20 },
	{ op_mlock, "mlock", 10 },
	{ op_pin, "mm_pin", 10 },
	{ op_noswap, "MM_NOSWAP", 5 },
	{ op_advise, "mm_advise", 15 },
	{ op_huge, "huge pages", 5 },
	{ op_protect, "mprotect", 10 },
	{ op_thread, "threads", 10 },
	{ op_streams, "streams", 10 },
	/* not in children: other threads of the parent may hold the locks */
	{ op_mutex, "mutexes", 20 },
	{ op_futex, "futexes", 20 },
	{ op_child, "children", 10 },
};
#define NR_LOCAL_OPS 3
#define NR_BASIC_OPS 3

static const char *only, *without = "";

/* By -e and -x; some operations each run needs. */
static unsigned weight(size_t op)
{
	if (only && op >= NR_BASIC_OPS && !strstr(only, ops[op].where))
		return 0;
	return strstr(without, ops[op].where) ? 0 : ops[op].weight;
}

void random_op(struct worker *w)
{
	size_t nr = sizeof(ops) / sizeof(ops[0]), n = 0, total = 0;

	if (seqs != shared->seq)
		nr -= NR_LOCAL_OPS;
	for (size_t i = 0; i < nr; i++)
		total += weight(i);
	for (total = pick(w, total); total >= weight(n); n++)
		total -= weight(n);
	at(ops[n].where);
	ops[n].run(w);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	beat_start();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		random_op(w);
	at("verifies at the end");
	for (unsigned i = 0; i < PER_WORKER; i++)
		if (blocks[w->own[i]].p)
			block_verify_all(&blocks[w->own[i]]);
	beat_end();
	return NULL;
}

/* ---- the whole ---- */

static char vmstat_text[16384];

static void read_vmstat(void)
{
	int fd = memfd_create("vmstat", MFD_CLOEXEC);
	ssize_t n = -1;

	if (mm.show && fd >= 0 && !mm.show("vmstat", fd))
		n = pread(fd, vmstat_text, sizeof(vmstat_text) - 1, 0);
	vmstat_text[n > 0 ? n : 0] = 0;
	close(fd);
}

static size_t vmstat(const char *name)
{
	const char *hit = strstr(vmstat_text, name);

	return hit ? strtoul(hit + strlen(name), NULL, 10) : 0;
}

static int summary(size_t least, uint64_t ms)
{
	size_t out;

	read_vmstat();
	out = vmstat("\npswpout ");
	printf("torture: %s: seed %lu, %lu s: %lu units written, %lu checked, %u wrong; out %zu, in %zu, rescued %zu, rejected %zu; a child knew %lu blocks of %lu",
	       shared->failures ? "FAILED" : "ok", (unsigned long)run_seed,
	       (unsigned long)ms / 1000, (unsigned long)shared->units_written,
	       (unsigned long)shared->units_checked, shared->failures, out,
	       vmstat("\npswpin "), vmstat("\npgrescue "),
	       vmstat("\nswp_reject "), (unsigned long)shared->child_known,
	       (unsigned long)(shared->child_known + shared->child_unknown));
	for (unsigned i = 0; i < NR_COUNTS && shared->count[i].name; i++)
		printf("; %s %lu", shared->count[i].name,
		       (unsigned long)shared->count[i].n);
	printf("\n");
	if (under_libmm() && out < least) {
		printf("torture: FAILED: %zu pages went out, %zu are the least\n",
		       out, least);
		return 1;
	}
	return shared->failures != 0;
}

static void set_up(size_t heap)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO };

	main_pid = getpid();
	setpgid(0, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		exit(1);
	seqs = shared->seq;
	large_budget = heap / NR_WORKERS - heap / NR_WORKERS / 8;
	*(void **)&mm.advise = mm_symbol("mm_advise");
	*(void **)&mm.reclaim = mm_symbol("mm_reclaim");
	*(void **)&mm.pin = mm_symbol("mm_pin");
	*(void **)&mm.unpin = mm_symbol("mm_unpin");
	*(void **)&mm.query = mm_symbol("mm_page_query");
	*(void **)&mm.show = mm_symbol("mm_show");
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	/* children that outlive their parents are ours to look after */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	blocks_init();
	advice_init();
}

static int userfaultfd_allowed(void)
{
	int fd = open("/dev/userfaultfd", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

int main(int argc, char **argv)
{
	static struct worker workers[NR_WORKERS];
	size_t seconds = 30, heap = 320, least = 10000;
	uint64_t start = now_ms();
	pthread_t thread[NR_WORKERS], dog;
	int c;

	run_seed = start ^ (uint64_t)getpid() << 16;
	while ((c = getopt(argc, argv, "s:t:m:o:e:x:")) > 0) {
		switch (c) {
		case 's':
			run_seed = strtoul(optarg, NULL, 10);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 10);
			break;
		case 'm':
			heap = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			least = strtoul(optarg, NULL, 10);
			break;
		case 'e':
			only = optarg;
			break;
		case 'x':
			without = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!userfaultfd_allowed()) {
		printf("skipped: no userfaultfd for this user\n");
		return SKIP;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("torture: seed %lu\n", (unsigned long)run_seed);
	set_up(heap * MIB);
	for (unsigned i = 0; i < NR_WORKERS; i++) {
		worker_init(&workers[i], i);
		transfer_init(&workers[i]);
		CHECK(!pthread_create(&thread[i], NULL, work, &workers[i]));
	}
	CHECK(!pthread_create(&dog, NULL, watchdog, NULL));
	while (now_ms() - start < seconds * 1000 && !shared->failures) {
		usleep(100000);
		reap_orphans(false);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < NR_WORKERS; i++)
		pthread_join(thread[i], NULL);
	reap_orphans(true);
	beat_start();
	advice_result();
	return summary(least, now_ms() - start) | check_result();
}
