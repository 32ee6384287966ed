/* SPDX-License-Identifier: MIT */
/*
 * filtered.c - the program allows itself what a malloc needs, and no more
 *
 * By a filter that kills it for any other system call. Then it starts a thread,
 * forks, and uses its heap everywhere.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

#define NR    2000
#define BYTES 5000
#define ALLOW(nr)                                                              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                       \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static char *block[NR];

static void allow_little(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		/* memory */
		ALLOW(SYS_mmap),
		ALLOW(SYS_munmap),
		ALLOW(SYS_mremap),
		ALLOW(SYS_mprotect),
		ALLOW(SYS_madvise),
		ALLOW(SYS_brk),
		ALLOW(SYS_futex),
		ALLOW(SYS_getrandom),
		/* threads and processes */
		ALLOW(SYS_clone),
		ALLOW(SYS_clone3),
		ALLOW(SYS_set_robust_list),
		ALLOW(SYS_rseq),
		ALLOW(SYS_rt_sigaction),
		ALLOW(SYS_rt_sigprocmask),
		ALLOW(SYS_wait4),
		ALLOW(SYS_exit),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_write),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]),
				      filter };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static void *use_heap(void *arg)
{
	for (int i = 0; i < NR; i++) {
		CHECK(block[i][BYTES - 1] == (char)i);
		free(malloc((size_t)i * 10));
	}
	free(realloc(malloc(MIB), 8 * MIB));
	return arg;
}

int main(void)
{
	pthread_t thread;
	int status = -1;
	pid_t pid;

	for (int i = 0; i < NR; i++) {
		block[i] = malloc(BYTES);
		memset(block[i], i, BYTES);
	}
	usleep(100000); /* some of it leaves, with swap */
	allow_little();
	CHECK(!pthread_create(&thread, NULL, use_heap, NULL));
	pthread_join(thread, NULL);
	pid = fork();
	if (!pid) {
		use_heap(NULL);
		_exit(check_result());
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	use_heap(NULL);
	_exit(check_result());
}
