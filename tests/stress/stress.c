/* SPDX-License-Identifier: MIT */
/*
 * stress.c - random operations of many threads against a shadow model
 *
 * Usage: stress [-s seed] [-t threads] [-n ops per thread] [-f] [-p]
 *
 * block:    what the model knows of one heap block: address, size, seed of
 *           the pattern it is filled with. An empty block has no address.
 * live:     each thread's own blocks, as indices into the table of blocks.
 * exchange: indices that belong to whichever thread swaps them out; this is
 *           how blocks come to be freed by threads that did not allocate them.
 *
 * Every index is in exactly one live array or exchange slot, so no lock is
 * needed and a forked child finds a consistent model. The model lives outside
 * the heap. -f forks children that go on for a moment; -p interrupts every
 * thread with SIGPROF at up to 1 kHz.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"
#include "identities.h"

#define NR_LIVE	     512
#define NR_EXCHANGE  512
#define NR_CHILD_OPS 3000
#define NR_FORKS     40
#define NR_SNAPSHOTS 200
#define MAX_SIZE     (40 * MIB)

struct block {
	char *p;
	size_t size;
	uint64_t seed;
	int pinned;
};

struct worker {
	pthread_t thread;
	uint64_t rnd;
	unsigned nr;
	uint32_t live[NR_LIVE];
};

static struct block *blocks;
static uint32_t exchange[NR_EXCHANGE];
static uint64_t seed;
static unsigned nr_threads = 8;
static unsigned long nr_ops = 200000;
static int with_forks, with_signals, in_child;
static __typeof__(mm_alloc_node) *alloc_node;
static __typeof__(mm_alloc_zone) *alloc_zone;
static __typeof__(mm_pin) *pin;
static __typeof__(mm_unpin) *unpin;
static int nodes[MM_MAX_NODES];
static unsigned nr_nodes;
static unsigned long nr_signals;

/*
 * Per mille of requests up to a size: mostly small, as programs' are, with
 * the odd huge one.
 */
static const struct {
	unsigned per_10000;
	size_t max;
} distribution[] = {
	{ 6000, 128 },	     { 8500, KIB }, { 9500, 8 * KIB },
	{ 9900, 64 * KIB },  { 9990, MIB }, { 9997, 8 * MIB },
	{ 10000, MAX_SIZE },
};

static size_t random_size(uint64_t *rnd)
{
	unsigned pick = random_next(rnd) % 10000, i = 0;

	while (pick >= distribution[i].per_10000)
		i++;
	return 1 + random_next(rnd) % distribution[i].max;
}

static void expect_intact(const struct block *b, size_t n, const char *when)
{
	if (pattern_intact(b->p, n, b->seed))
		return;
	fprintf(stderr, "block %p of %zu bytes corrupt at %s, seed %llu\n",
		(void *)b->p, b->size, when, (unsigned long long)seed);
	check_report(when, 0, "contents intact");
}

static void adopt(struct block *b, void *p, size_t size, uint64_t *rnd)
{
	CHECK(p && malloc_usable_size(p) >= size);
	b->p = p;
	b->size = size;
	b->seed = random_next(rnd);
	pattern_fill(p, size, b->seed);
}

/* As libmm alone can; what is not copied to children would not be intact. */
static void *alloc_of_choice(size_t size, uint64_t *rnd)
{
	enum mm_zone_type zone = MM_ZONE_NORMAL + random_next(rnd) % 2;
	unsigned flags = random_next(rnd) % 2 ? MM_WIPE : 0;
	void *p;

	if (random_next(rnd) % 4)
		return alloc_node(size, nodes[random_next(rnd) % nr_nodes]);
	if (!with_forks)
		flags |= random_next(rnd) % 2 ? MM_DONTFORK : 0;
	p = alloc_zone(size, zone, flags);
	CHECK(aligned_to(p, 4096));
	return p;
}

static void allocate(struct block *b, uint64_t *rnd)
{
	size_t size = random_size(rnd), align;
	void *p;

	switch (random_next(rnd) % 8) {
	case 0:
	case 1:
		p = calloc(1, size);
		CHECK(p && all_zero(p, size));
		break;
	case 2:
		align = (size_t)16 << random_next(rnd) % 14;
		p = memalign(align, size);
		CHECK(aligned_to(p, align));
		break;
	case 3:
		p = realloc(NULL, size);
		break;
	case 4:
		p = nr_nodes ? alloc_of_choice(size, rnd) : malloc(size);
		break;
	default:
		p = malloc(size);
	}
	adopt(b, p, size, rnd);
}

/* It may be more than this user may lock. */
static void pin_block(struct block *b)
{
	if (pin && !b->pinned && b->size < MIB)
		b->pinned = !pin(b->p, b->size);
}

/* A child has no pins. */
static void unpin_block(struct block *b)
{
	if (b->pinned)
		CHECK(unpin(b->p, b->size) == 0 || in_child);
	b->pinned = 0;
}

static void release(struct block *b)
{
	if (!b->p)
		return;
	unpin_block(b);
	expect_intact(b, b->size, "free");
	free(b->p);
	b->p = NULL;
}

/* Half of them a step up or down, as vectors do; half to any size. */
static void resize(struct block *b, uint64_t *rnd)
{
	size_t size = random_size(rnd), kept;
	void *p;

	if (random_next(rnd) % 2)
		size = b->size / 2 + random_next(rnd) % (b->size + 1) + 1;
	if (size > MAX_SIZE)
		size = MAX_SIZE;
	expect_intact(b, b->size, "realloc");
	unpin_block(b);
	p = realloc(b->p, size);
	CHECK(p);
	b->p = p;
	/* Whole words: the tail of a pattern is cut off. */
	kept = (size < b->size ? size : b->size) / 8 * 8;
	expect_intact(b, kept, "return of realloc");
	adopt(b, p, size, rnd);
}

static void swap_with_others(uint32_t *index, uint64_t *rnd)
{
	*index = __atomic_exchange_n(&exchange[random_next(rnd) % NR_EXCHANGE],
				     *index, __ATOMIC_ACQ_REL);
}

static void one_op(struct worker *w)
{
	uint32_t *index = &w->live[random_next(&w->rnd) % NR_LIVE];
	struct block *b = &blocks[*index];
	unsigned pick = random_next(&w->rnd) % 8;

	if (pick < 2)
		swap_with_others(index, &w->rnd);
	else if (!b->p)
		allocate(b, &w->rnd);
	else if (pick < 4)
		resize(b, &w->rnd);
	else if (random_next(&w->rnd) % 16 == 0)
		pin_block(b);
	else
		release(b);
}

static void release_exchange(void)
{
	unsigned i;

	for (i = 0; i < NR_EXCHANGE; i++)
		release(&blocks[exchange[i]]);
}

static void release_live(struct worker *w)
{
	unsigned i;

	for (i = 0; i < NR_LIVE; i++)
		release(&blocks[w->live[i]]);
}

/* What the other threads had in hand is theirs: it stays untouched. */
static void child(struct worker *w)
{
	int i;

	alarm(120);
	in_child = 1;
	for (i = 0; i < NR_CHILD_OPS; i++)
		one_op(w);
	release_live(w);
	release_exchange();
	_exit(check_result());
}

static void fork_child(struct worker *w)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		child(w);
	CHECK(pid > 0);
	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int due(unsigned long op, unsigned long times)
{
	unsigned long every = nr_ops / times;

	return op % (every ? every : 1) == 0;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct mm_stats st;
	unsigned long i;

	for (i = 0; i < nr_ops; i++) {
		one_op(w);
		if (w->nr)
			continue;
		if (with_forks && due(i, NR_FORKS))
			fork_child(w);
		if (mm_stats_found && due(i, NR_SNAPSHOTS))
			check_identities(&st);
	}
	release_live(w);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
	__atomic_add_fetch(&nr_signals, 1, __ATOMIC_RELAXED);
}

/* Without SA_RESTART: system calls see EINTR too. */
static void start_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval every = { .it_interval = { .tv_usec = 1000 },
				   .it_value = { .tv_usec = 1000 } };

	sigaction(SIGPROF, &sa, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
}

static void find_libmm(void)
{
	struct mm_stats st;

	if (!find_mm_stats())
		return;
	*(void **)&alloc_node = mm_symbol("mm_alloc_node");
	*(void **)&alloc_zone = mm_symbol("mm_alloc_zone");
	*(void **)&pin = mm_symbol("mm_pin");
	*(void **)&unpin = mm_symbol("mm_unpin");
	check_identities(&st);
	for (nr_nodes = 0; nr_nodes < st.nr_nodes; nr_nodes++)
		nodes[nr_nodes] = st.node[nr_nodes].node;
}

static struct worker *make_workers(void)
{
	struct worker *w = own_memory(nr_threads * sizeof(*w));
	uint32_t next = 0;
	unsigned t, i;

	blocks = own_memory((nr_threads * NR_LIVE + NR_EXCHANGE) *
			    sizeof(*blocks));
	for (i = 0; i < NR_EXCHANGE; i++)
		exchange[i] = next++;
	for (t = 0; t < nr_threads; t++) {
		w[t].nr = t;
		w[t].rnd = (seed + t + 1) * 0x9e3779b97f4a7c15u | 1;
		for (i = 0; i < NR_LIVE; i++)
			w[t].live[i] = next++;
	}
	return w;
}

static void parse(int argc, char **argv)
{
	int opt;

	seed = (uint64_t)time(NULL) * 1000003 ^ (uint64_t)getpid();
	while ((opt = getopt(argc, argv, "s:t:n:fp")) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 't')
			nr_threads = (unsigned)strtoul(optarg, NULL, 0);
		else if (opt == 'n')
			nr_ops = strtoul(optarg, NULL, 0);
		else if (opt == 'f')
			with_forks = 1;
		else if (opt == 'p')
			with_signals = 1;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	struct mm_stats before = { 0 }, after;
	struct worker *w;
	unsigned t;

	parse(argc, argv);
	printf("stress -s %llu -t %u -n %lu%s%s\n", (unsigned long long)seed,
	       nr_threads, nr_ops, with_forks ? " -f" : "",
	       with_signals ? " -p" : "");
	fflush(stdout);
	w = make_workers();
	find_libmm();
	if (mm_stats_found)
		check_identities(&before);
	if (with_signals)
		start_signals();
	for (t = 0; t < nr_threads; t++)
		CHECK(!pthread_create(&w[t].thread, NULL, work, &w[t]));
	for (t = 0; t < nr_threads; t++)
		pthread_join(w[t].thread, NULL);
	release_exchange();
	if (mm_stats_found) {
		check_identities(&after);
		/* The libc keeps a little for each thread it has seen. */
		CHECK(after.requested < before.requested + 256 * KIB);
	}
	CHECK(!with_signals || nr_signals > 10);
	return check_result();
}
