/* SPDX-License-Identifier: MIT */
/*
 * fork.c [forks] - forks while eight threads allocate
 *
 * Each child allocates, frees the parent's blocks and exits; the program's own
 * fork handlers, older than the threads, allocate too. No child may hang on a
 * lock that some other thread of the parent held, nor find a block damaged; an
 * alarm ends the test if one does.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "check.h"

#define NR_THREADS   8
#define NR_SLOTS     512
#define HANG_SECONDS 60

/* A block: its size in the first word, a pattern of that seed behind. */
static char *slots[NR_SLOTS];
static int stop;
static pthread_barrier_t started;

static char *make_block(uint64_t *rnd)
{
	unsigned shift = random_next(rnd) % (random_next(rnd) % 64 ? 8 : 15);
	size_t n = 8 + random_next(rnd) % ((size_t)64 << shift);
	char *p = malloc(n);

	CHECK(p);
	memcpy(p, &n, sizeof(n));
	pattern_fill(p + sizeof(n), n - sizeof(n), n);
	return p;
}

static void free_block(char *p)
{
	size_t n;

	if (!p)
		return;
	memcpy(&n, p, sizeof(n));
	CHECK(pattern_intact(p + sizeof(n), n - sizeof(n), n));
	free(p);
}

static void replace(unsigned slot, char *p)
{
	free_block(__atomic_exchange_n(&slots[slot], p, __ATOMIC_ACQ_REL));
}

/*
 * AddressSanitizer's own locks are not made for fork: a thread that is just
 * starting may hold one, and then the child waits for it for ever.
 */
static void wait_for_sanitizer(void)
{
#ifdef __SANITIZE_ADDRESS__
	pthread_barrier_wait(&started);
#endif
}

static void *churn(void *arg)
{
	uint64_t rnd = (uintptr_t)arg * 0x9e3779b97f4a7c15u;

	/* Always running, often preempted, and no brake on the forks. */
	setpriority(PRIO_PROCESS, 0, 10);
	wait_for_sanitizer();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		replace(random_next(&rnd) % NR_SLOTS, make_block(&rnd));
	return NULL;
}

static void *child_thread(void *arg)
{
	uint64_t rnd = (uintptr_t)arg | 1;
	int i;

	for (i = 0; i < 100; i++)
		free_block(make_block(&rnd));
	return NULL;
}

/* Some leave by exit(), handlers and all; some start a thread first. */
static void child(unsigned nr)
{
	uint64_t rnd = nr + 1;
	pthread_t t;
	unsigned i;

	alarm(HANG_SECONDS / 2);
	for (i = 0; i < 100; i++)
		free_block(make_block(&rnd));
	for (i = 0; i < NR_SLOTS; i++)
		replace(i, i % 2 ? NULL : make_block(&rnd));
	if (nr % 16 == 0) {
		CHECK(!pthread_create(&t, NULL, child_thread, &rnd));
		pthread_join(t, NULL);
	}
	if (nr % 2)
		exit(check_result());
	_exit(check_result());
}

static void handler(void)
{
	static uint64_t rnd = 1;
	int i;

	for (i = 0; i < 100; i++)
		free_block(make_block(&rnd));
}

static void fork_once(unsigned nr)
{
	int status = -1;
	pid_t pid;

	alarm(HANG_SECONDS);
	pid = fork();
	if (pid == 0)
		child(nr);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		fprintf(stderr, "child %u: signal %d\n", nr, WTERMSIG(status));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
	unsigned nr_forks = argc > 1 ? (unsigned)atoi(argv[1]) : 10000, i;
	pthread_t t[NR_THREADS];

	CHECK(!pthread_atfork(handler, handler, handler));
	CHECK(!pthread_barrier_init(&started, NULL, NR_THREADS + 1));
	for (i = 0; i < NR_THREADS; i++)
		CHECK(!pthread_create(&t[i], NULL, churn,
				      (void *)(uintptr_t)(i + 1)));
	wait_for_sanitizer();
	for (i = 0; i < nr_forks; i++)
		fork_once(i);
	alarm(HANG_SECONDS);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < NR_SLOTS; i++)
		replace(i, NULL);
	return check_result();
}
