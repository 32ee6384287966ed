// SPDX-License-Identifier: MIT
/*
 * children.c - every way to fork, while all other threads go on
 *
 * A child knows the blocks that nobody changed while it was made: it checks
 * them, changes some of them, and checks again; what it does not know it lets
 * alone. Its owner's own blocks are always known.
 */
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "torture.h"

#define MAX_CHILDREN 2 /* at a time, each with a swapd that never rests */
#define CHILD_MS     3000

extern char **environ;

/* ---- what a child does ---- */

static uint64_t deadline;

static bool in_time(void)
{
	return now_ms() < deadline;
}

static bool is_own(const struct worker *w, unsigned i)
{
	for (unsigned j = 0; j < PER_WORKER; j++)
		if (w->own[j] == i)
			return true;
	return false;
}

/* First of all: which blocks are as they were when the fork began? */
static void know_blocks(struct worker *w)
{
	uint32_t *after = own_memory(NR_BLOCKS * sizeof(*after));
	uint64_t known = 0, unknown = 0;

	memcpy(after, shared->seq, NR_BLOCKS * sizeof(*after));
	for (unsigned i = 0; i < NR_BLOCKS; i++) {
		bool same = after[i] == w->seen[i] && after[i] % 2 == 0;

		if (same || is_own(w, i)) {
			known += blocks[i].p != NULL;
			after[i] = 0;
			continue;
		}
		unknown++;
		blocks[i].p = NULL;
		blocks[i].size = 0;
		after[i] = 0;
	}
	seqs = after;
	__atomic_add_fetch(&shared->child_known, known, __ATOMIC_RELAXED);
	__atomic_add_fetch(&shared->child_unknown, unknown, __ATOMIC_RELAXED);
}

static void child_starts(struct worker *w, const char *where)
{
	beat_start();
	at(where);
	if (seqs == shared->seq)
		know_blocks(w);
	own_failures = 0;
	deadline = now_ms() + CHILD_MS;
	w->rnd ^= (uint64_t)getpid() << 20;
	transfer_after_fork(w);
}

/* All there is, if it can be done in time; it begins anywhere. */
static void verify_all(struct worker *w, const char *where)
{
	unsigned start = (unsigned)pick(w, NR_BLOCKS);

	at(where);
	for (unsigned i = 0; i < PER_WORKER; i++)
		if (blocks[w->own[i]].p)
			block_verify(&blocks[w->own[i]], 0, 512);
	for (unsigned i = 0; i < NR_BLOCKS && in_time(); i++) {
		struct block *b = &blocks[(start + i) % NR_BLOCKS];

		if (b->p)
			block_verify_all(b);
	}
}

static void change_some(struct worker *w)
{
	at("child: changes blocks");
	for (unsigned i = 0; i < 200 && in_time(); i++) {
		struct block *b = &blocks[pick(w, NR_BLOCKS)];

		if (b->p)
			block_write(b, pick(w, block_units(b)),
				    1 + pick(w, 16));
	}
}

static void live(struct worker *w)
{
	verify_all(w, "child: verifies");
	change_some(w);
	for (int i = 0; i < 60 && in_time(); i++)
		random_op(w);
	deadline = now_ms() + CHILD_MS / 3;
	verify_all(w, "child: verifies again");
}

static void *thread_of_child(void *arg)
{
	beat_start();
	live(arg);
	beat_end();
	return NULL;
}

static void __attribute__((noreturn)) child_ends(void)
{
	beat_end();
	_exit(own_failures != 0);
}

/* ---- waiting ---- */

static void wait_for(pid_t pid, const char *what)
{
	int status;

	if (pid < 0) {
		fail("%s: errno %d", what, errno);
		return;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			fail("waitpid: errno %d", errno);
			return;
		}
	if (status)
		fail("%s: child %d ended with status %#x", what, pid, status);
	count_op(what);
}

static void note_orphan(pid_t pid)
{
	unsigned i =
		__atomic_fetch_add(&shared->nr_orphans, 1, __ATOMIC_ACQ_REL);

	__atomic_store_n(&shared->orphan[i % NR_ORPHANS], pid,
			 __ATOMIC_RELEASE);
}

/* They are ours to wait for: the process is their subreaper. */
void reap_orphans(bool wait)
{
	for (unsigned i = 0; i < NR_ORPHANS; i++) {
		pid_t pid =
			__atomic_load_n(&shared->orphan[i], __ATOMIC_ACQUIRE);
		int status;

		if (pid <= 0)
			continue;
		if (waitpid(pid, &status, wait ? 0 : WNOHANG) <= 0)
			continue;
		__atomic_store_n(&shared->orphan[i], 0, __ATOMIC_RELEASE);
		if (status)
			fail("a child that outlived its parent, %d, ended with status %#x",
			     pid, status);
		__atomic_sub_fetch(&shared->live_children, 1, __ATOMIC_ACQ_REL);
		count_op("orphan");
	}
}

/* ---- the kinds ---- */

static void fork_and_live(struct worker *w)
{
	pid_t pid = fork();

	if (pid == 0) {
		child_starts(w, "child");
		live(w);
		child_ends();
	}
	wait_for(pid, "fork");
}

static void fork_twice(struct worker *w)
{
	pid_t pid = fork();

	if (pid == 0) {
		child_starts(w, "child that forks");
		change_some(w);
		pid = fork();
		if (pid == 0) {
			child_starts(w, "grandchild");
			live(w);
			child_ends();
		}
		/* copied pages change while the grandchild looks at them */
		change_some(w);
		verify_all(w, "child: verifies beside its child");
		at("child: waits for its child");
		wait_for(pid, "grandchild");
		child_ends();
	}
	wait_for(pid, "fork twice");
}

static void fork_orphan(struct worker *w)
{
	pid_t pid;

	__atomic_add_fetch(&shared->live_children, 1, __ATOMIC_ACQ_REL);
	pid = fork();
	if (pid == 0) {
		child_starts(w, "child that leaves an orphan");
		change_some(w);
		pid = fork();
		if (pid == 0) {
			pid_t parent = getppid();

			child_starts(w, "orphan");
			verify_all(w, "orphan: verifies");
			at("orphan: waits until it is one");
			while (getppid() == parent && in_time())
				usleep(1000);
			deadline = now_ms() + CHILD_MS;
			live(w);
			child_ends();
		}
		if (pid > 0)
			note_orphan(pid);
		else
			fail("fork of an orphan: errno %d", errno);
		child_ends();
	}
	wait_for(pid, "parent of an orphan");
}

static void fork_threads(struct worker *w)
{
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t;

		child_starts(w, "child with threads");
		for (int i = 0; i < 2; i++)
			op_thread(w);
		at("child: waits for its thread");
		if (pthread_create(&t, NULL, thread_of_child, w))
			fail("pthread_create in a child: errno %d", errno);
		else
			pthread_join(t, NULL);
		beat_end();
		exit(own_failures != 0);
	}
	wait_for(pid, "fork, threads, exit");
}

static void fork_exit(struct worker *w)
{
	pid_t pid = fork();

	(void)w;
	if (pid == 0)
		_exit(0);
	wait_for(pid, "fork, _exit");
}

static char *const true_argv[] = { "true", NULL };

static void fork_exec(struct worker *w)
{
	char *arg = strdup("a string of the heap");
	pid_t pid = fork();

	(void)w;
	if (pid == 0) {
		execl("/bin/true", "true", arg, NULL);
		_exit(99);
	}
	free(arg);
	wait_for(pid, "fork, exec");
}

static void vfork_exec(struct worker *w)
{
	pid_t pid = vfork();

	(void)w;
	if (pid == 0) {
		execv("/bin/true", true_argv);
		_exit(99);
	}
	wait_for(pid, "vfork");
}

static void spawn(struct worker *w)
{
	pid_t pid = -1;
	int err =
		posix_spawn(&pid, "/bin/true", NULL, NULL, true_argv, environ);

	(void)w;
	if (err)
		fail("posix_spawn: %d", err);
	else
		wait_for(pid, "posix_spawn");
}

static void run_system(struct worker *w)
{
	int status = system("exit 7");

	(void)w;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
		fail("system: status %#x", (unsigned)status);
	count_op("system");
}

static void run_popen(struct worker *w)
{
	char *line = malloc(3000), command[64];
	unsigned n = (unsigned)pick(w, 1000000);
	FILE *f;

	snprintf(command, sizeof(command), "echo line %u", n);
	f = popen(command, "r");
	if (!line || !f) {
		fail("popen: errno %d", errno);
	} else {
		snprintf(command, sizeof(command), "line %u\n", n);
		if (!fgets(line, 3000, f) || strcmp(line, command) != 0)
			fail("popen: wrong line");
		if (pclose(f))
			fail("pclose");
	}
	free(line);
	count_op("popen");
}

/*
 * A parent reads its child's memory, of which all is out perhaps. The child
 * makes no difference but to one block, by a version that both know.
 */
static void read_child(struct worker *w)
{
	struct block *b = live_block(w, MEDIUM), copy;
	int to_parent[2], to_child[2];
	struct iovec here, there;
	char c = 0;
	pid_t pid;

	if (!b || b->size > OUTSIDE)
		return;
	if (pipe2(to_parent, O_CLOEXEC) || pipe2(to_child, O_CLOEXEC)) {
		fail("pipe2: errno %d", errno);
		return;
	}
	pid = fork();
	if (pid == 0) {
		child_starts(w, "child that is read");
		block_write(b, 0, 4);
		if (mm.advise)
			mm.advise(b->p, b->size, MM_COLD);
		if (write(to_parent[1], &c, 1) != 1 ||
		    read(to_child[0], &c, 1) != 1)
			fail("pipe of a child: errno %d", errno);
		block_verify_all(b);
		child_ends();
	}
	if (pid > 0 && read(to_parent[0], &c, 1) == 1) {
		here = (struct iovec){ w->outside, b->size };
		there = (struct iovec){ b->p, b->size };
		if (process_vm_readv(pid, &here, 1, &there, 1, 0) !=
		    (ssize_t)b->size)
			fail("process_vm_readv of a child: errno %d", errno);
		copy = *b;
		copy.p = w->outside;
		copy.ver = own_memory((block_units(b) + 1) * sizeof(*b->ver));
		memcpy(copy.ver, b->ver, block_units(b) * sizeof(*b->ver));
		for (size_t u = 0; u < 4 && u < block_units(b); u++)
			copy.ver[u] = next_version(b->ver[u]);
		block_verify_all(&copy);
		munmap(copy.ver, (block_units(b) + 1) * sizeof(*b->ver));
		block_verify_all(b);
		if (write(to_child[1], &c, 1) != 1)
			fail("pipe to a child: errno %d", errno);
	}
	close(to_parent[0]);
	close(to_parent[1]);
	close(to_child[0]);
	close(to_child[1]);
	wait_for(pid, "vm_readv of a child");
}

static const struct {
	void (*run)(struct worker *);
	const char *where;
	unsigned weight;
} kinds[] = {
	{ fork_and_live, "waits for a child", 4 },
	{ fork_twice, "waits for a child that forks", 3 },
	{ fork_orphan, "waits for the parent of an orphan", 2 },
	{ fork_threads, "waits for a child with threads", 2 },
	{ read_child, "reads its child", 3 },
	{ fork_exit, "waits for a child that exits", 6 },
	{ fork_exec, "waits for fork and exec", 4 },
	{ vfork_exec, "vfork", 4 },
	{ spawn, "posix_spawn", 4 },
	{ run_system, "system", 2 },
	{ run_popen, "popen", 2 },
};

void op_child(struct worker *w)
{
	size_t nr = sizeof(kinds) / sizeof(kinds[0]), n = 0, total = 0;

	/* children have nobody to wait for theirs */
	if (seqs != shared->seq)
		return;
	if (__atomic_add_fetch(&shared->live_children, 1, __ATOMIC_ACQ_REL) >
	    MAX_CHILDREN)
		goto out;
	for (size_t i = 0; i < nr; i++)
		total += kinds[i].weight;
	for (total = pick(w, total); total >= kinds[n].weight; n++)
		total -= kinds[n].weight;
	at(kinds[n].where);
	memcpy(w->seen, shared->seq, NR_BLOCKS * sizeof(*w->seen));
	kinds[n].run(w);
out:
	__atomic_sub_fetch(&shared->live_children, 1, __ATOMIC_ACQ_REL);
}
