// SPDX-License-Identifier: MIT
/*
 * generations.c [generations] - each child forks the next, and is gone
 *
 * Every other parent exits at once, so that its child outlives it; the others
 * wait until their child has verified something. Each generation changes a
 * part of the heap; all of it is verified now and then, and at the end. So
 * every page was copied many times, from wherever it happened to be: its
 * place, a stage, the pool or the file.
 */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "heap.h"

#define NR_BLOCKS    48
#define SIZE	     (64 * KIB)
#define VERIFY_EVERY 50
#define HANG_SECONDS 60

/* Of all generations. */
struct line {
	unsigned generation; /* the youngest that is well */
	unsigned most_out;
	int wrong, done;
};
static struct line *line;
static struct heap heap;

static void generation_lives(unsigned g, unsigned last)
{
	unsigned b = g % NR_BLOCKS, out;

	/* one block is this generation's, the others are as they were made */
	heap.version = g <= NR_BLOCKS ? 1 : g - NR_BLOCKS;
	line->wrong += heap_block_wrong(&heap, b);
	heap.version = g;
	heap_write_block(&heap, b);
	if (g % VERIFY_EVERY == 0 || g == last)
		for (unsigned i = 0; i < NR_BLOCKS; i++) {
			unsigned age = (b + NR_BLOCKS - i) % NR_BLOCKS;

			heap.version = g > age ? g - age : 1;
			line->wrong += heap_block_wrong(&heap, i);
		}
	out = heap_percent_out(&heap);
	if (out > line->most_out)
		line->most_out = out;
	if (g % 7 == 0)
		heap_evict(&heap);
}

static void __attribute__((noreturn)) descend(unsigned last)
{
	for (unsigned g = 1; g <= last; g++) {
		pid_t pid;

		alarm(HANG_SECONDS);
		generation_lives(g, last);
		__atomic_store_n(&line->generation, g, __ATOMIC_RELEASE);
		if (g == last || line->wrong)
			break;
		pid = fork();
		if (pid < 0)
			_exit(2);
		if (!pid)
			continue;
		if (g % 2 == 0)
			while (__atomic_load_n(&line->generation,
					       __ATOMIC_ACQUIRE) == g &&
			       !waitpid(pid, NULL, WNOHANG))
				usleep(500);
		_exit(0);
	}
	__atomic_store_n(&line->done, 1, __ATOMIC_RELEASE);
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned last = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	int status, died = 0;
	pid_t pid;

	if (!swap_possible())
		return SKIP;
	line = mmap(NULL, sizeof(*line), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (line == MAP_FAILED)
		return 1;
	heap_make(&heap, NR_BLOCKS, SIZE);
	heap_evict(&heap);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (!pid)
		descend(last);
	/* every generation ends up with us */
	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		if (pid > 0 && status) {
			dprintf(STDERR_FILENO,
				"process %d ended with status %#x near generation %u\n",
				pid, (unsigned)status, line->generation);
			died++;
		}
	printf("generations: %u of %u, %d pages wrong, %d died, at most %u %% out\n",
	       line->generation, last, line->wrong, died, line->most_out);
	CHECK(!heap_wrong(&heap));
	CHECK(line->done && line->generation == last);
	CHECK(!line->wrong && !died);
	CHECK(!under_libmm() || line->most_out >= 50);
	return check_result();
}
