// SPDX-License-Identifier: MIT
/*
 * closefds.c - a program that closes every descriptor while it is swapped
 *
 * As daemons do: close_range over all, then two forks with a setsid between
 * them and all closed again. The heap is out each time, and must come back.
 * The last process tells by shared memory how it went. And what a child closes
 * is closed: swap's threads have none of its descriptors.
 */
#include <sys/select.h>
#include <sys/wait.h>

#include "heap.h"

#define NR_BLOCKS 64
#define SIZE	  (1 * MIB)

static struct heap heap;
static int *result; /* shared: 1 is right, 2 wrong */

static void close_all(void)
{
	if (close_range(0, ~0U, 0))
		_exit(3);
}

/* What is out must come back, and go out again, with no descriptor open. */
static int goes_on(unsigned version)
{
	int bad = heap_wrong(&heap);

	heap_write(&heap, version);
	heap_evict(&heap);
	return bad + heap_wrong(&heap);
}

static void daemonise(int bad)
{
	pid_t pid = fork();

	if (pid < 0)
		_exit(4);
	if (pid > 0) {
		/* the first process, which waits for the last */
		while (!__atomic_load_n(result, __ATOMIC_ACQUIRE))
			usleep(10000);
		waitpid(pid, NULL, 0);
		bad += goes_on(10);
		_exit(bad || *result != 1);
	}
	setsid();
	bad += goes_on(3);
	pid = fork();
	if (pid)
		_exit(pid < 0);
	close_all();
	bad += goes_on(4);
	open("/dev/null", O_RDWR);
	bad += goes_on(5);
	close_all();
	bad += goes_on(6);
	__atomic_store_n(result, bad ? 2 : 1, __ATOMIC_RELEASE);
	_exit(0);
}

/* Who reads from the pipe sees its end as soon as the child closes it. */
static int child_closes_pipe(void)
{
	struct timeval wait = { .tv_sec = 10 };
	int fd[2], done[2], bad;
	fd_set set;
	char c;
	pid_t pid;

	if (pipe(fd) || pipe(done))
		return 1;
	pid = fork();
	if (!pid) {
		close(fd[1]);
		close(done[1]);
		_exit(read(done[0], &c, 1) != 0);
	}
	close(fd[1]);
	FD_ZERO(&set);
	FD_SET(fd[0], &set);
	bad = select(fd[0] + 1, &set, NULL, NULL, &wait) != 1 ||
	      read(fd[0], &c, 1) != 0;
	close(done[1]);
	waitpid(pid, NULL, 0);
	close(fd[0]);
	close(done[0]);
	return bad;
}

int main(void)
{
	int bad;

	if (!swap_possible())
		return SKIP;
	result = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alarm(120);
	if (child_closes_pipe())
		return 1;
	heap_make(&heap, NR_BLOCKS, SIZE);
	heap_evict(&heap);
	if (child_closes_pipe())
		return 1;
	if (!heap_was_out(&heap, 50))
		return 1;
	close_all();
	bad = goes_on(1);
	closefrom(0);
	bad += goes_on(2);
	daemonise(bad);
}
