/* SPDX-License-Identifier: MIT */
/*
 * denied.c LIBMM EPERM|ENOSYS PROGRAM [ARGS...] - a sandbox around a program
 *
 * A seccomp filter answers every system call that an allocator can do without
 * with an error, from the dynamic loader's first instruction on.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "launch.h"

static const int optional[] = {
	SYS_madvise,	   SYS_mremap,	       SYS_mbind,
	SYS_get_mempolicy, SYS_set_mempolicy,  SYS_migrate_pages,
	SYS_move_pages,	   SYS_getcpu,	       SYS_sched_getaffinity,
	SYS_membarrier,	   SYS_prctl,	       SYS_userfaultfd,
	SYS_getrandom,	   SYS_rseq,	       SYS_mincore,
	SYS_mlock,	   SYS_munlock,	       SYS_mlock2,
	SYS_mlockall,	   SYS_memfd_create,   SYS_process_madvise,
	SYS_sysinfo,	   SYS_getrusage,      SYS_process_vm_readv,
	SYS_pkey_alloc,	   SYS_io_uring_setup,
};
enum { NR_OPTIONAL = sizeof(optional) / sizeof(optional[0]) };

/* For each: if it is the number, return the error; at last allow. */
static int install(unsigned error)
{
	struct sock_filter code[2 * NR_OPTIONAL + 2];
	struct sock_fprog prog = { .filter = code };
	unsigned short n = 0;
	int i;

	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (i = 0; i < NR_OPTIONAL; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)optional[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						 SECCOMP_RET_ALLOW);
	prog.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	if (install(strcmp(argv[2], "EPERM") ? ENOSYS : EPERM) < 0) {
		printf("SKIP: no seccomp filters here: %s\n", strerror(errno));
		return SKIP;
	}
	/* Or the filter is not what this test believes it to be. */
	if (madvise(NULL, 0, MADV_NORMAL) == 0)
		return 1;
	launch(argv[1], argv + 3);
	return 1;
}
