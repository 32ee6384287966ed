/* SPDX-License-Identifier: MIT */
/*
 * stopped.c - what swap had in memory goes when it ends
 *
 * And while it works, the limit is kept when the first thread has ended, whose
 * files in /proc say nothing any more, and when no file can be opened.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "heap.h"

#define NR_BLOCKS 64
#define LIMIT	  (64 * MIB) /* as the environment has it */
#define OTHERS	  (24 * MIB) /* not of the heap */

static struct heap h;
static int statm; /* of a thread that lives */

static void confine(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = { 1, &allow };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0));
}

static int end_swap(void)
{
	size_t at_first;

	statm = heap_open_statm();
	heap_make(&h, NR_BLOCKS / 2, MIB);
	at_first = heap_resident(statm);
	heap_evict(&h);
	CHECK(heap_was_out(&h, 80));
	confine();
	CHECK(!heap_percent_out(&h));
	CHECK(!heap_wrong(&h));
	CHECK(heap_resident(statm) < at_first + 4 * MIB);
	return check_result();
}

static void use_more_than_the_limit(void)
{
	char *others = own_memory(OTHERS);

	memset(others, 1, OTHERS);
	heap_make(&h, 6 * NR_BLOCKS, MIB);
	usleep(500000);
	CHECK(!under_libmm() || heap_resident(statm) <= LIMIT + 4 * MIB);
	CHECK(!heap_wrong(&h));
}

static void *second_thread(void *first)
{
	CHECK(!pthread_join(*(pthread_t *)first, NULL));
	statm = heap_open_statm();
	use_more_than_the_limit();
	exit(check_result());
}

static int without_first_thread(void)
{
	static pthread_t first;
	pthread_t t;

	first = pthread_self();
	CHECK(!pthread_create(&t, NULL, second_thread, &first));
	pthread_exit(NULL);
}

/* As sandboxes do. The swap file is made before. */
static int without_descriptors(void)
{
	struct rlimit none = { 0, 0 };

	statm = heap_open_statm();
	CHECK(!setrlimit(RLIMIT_NOFILE, &none));
	use_more_than_the_limit();
	return check_result();
}

static void in_child(int (*f)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(f());
	CHECK(waitpid(pid, &status, 0) == pid && !status);
}

int main(void)
{
	if (!swap_possible())
		return SKIP;
	in_child(end_swap);
	in_child(without_first_thread);
	in_child(without_descriptors);
	return check_result();
}
