// SPDX-License-Identifier: MIT
/*
 * os/ids.c - who a thread is, to the kernel
 *
 * By raw calls, which change the calling thread only.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include "os/os.h"
#include "os/syscall.h"

static long caps(long nr, uint32_t caps[6])
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return sys2(nr, &header, caps);
}

int os_process(void)
{
	return (int)sys1(SYS_getpid, 0);
}

int os_ids_get(struct os_ids *ids)
{
	sys3(SYS_getresuid, &ids->uid[0], &ids->uid[1], &ids->uid[2]);
	sys3(SYS_getresgid, &ids->gid[0], &ids->gid[1], &ids->gid[2]);
	ids->nr_groups =
		sys2(SYS_getgroups, ARRAY_SIZE(ids->group), ids->group);
	if (ids->nr_groups < 0)
		return (int)ids->nr_groups;
	ids->keeps = sys1(SYS_prctl, PR_GET_KEEPCAPS) == 1;
	return (int)caps(SYS_capget, ids->caps);
}

static int set_uids(const struct os_ids *is, const struct os_ids *to)
{
	if (!memcmp(is->uid, to->uid, sizeof(is->uid)))
		return 0;
	return (int)sys3(SYS_setresuid, to->uid[0], to->uid[1], to->uid[2]);
}

static int set_groups(const struct os_ids *is, const struct os_ids *to)
{
	long err = 0;

	if (is->nr_groups != to->nr_groups ||
	    memcmp(is->group, to->group,
		   (size_t)to->nr_groups * sizeof(is->group[0])))
		err = sys2(SYS_setgroups, to->nr_groups, to->group);
	if (!err && memcmp(is->gid, to->gid, sizeof(is->gid)))
		err = sys3(SYS_setresgid, to->gid[0], to->gid[1], to->gid[2]);
	return (int)err;
}

/* First the groups, while it may; or as soon as it may. */
int os_ids_set(const struct os_ids *to)
{
	struct os_ids is;
	int err = os_ids_get(&is), late;

	if (err)
		return err;
	sys2(SYS_prctl, PR_SET_KEEPCAPS, to->keeps);
	late = set_groups(&is, to);
	err = set_uids(&is, to);
	if (!err && late)
		err = set_groups(&is, to);
	if (err || os_ids_get(&is))
		return err;
	for (unsigned i = 0; i < ARRAY_SIZE(is.caps); i += 3) {
		is.caps[i + 1] &= to->caps[i + 1];
		is.caps[i + 2] &= to->caps[i + 2];
		is.caps[i] = to->caps[i] & is.caps[i + 1];
	}
	return (int)caps(SYS_capset, is.caps);
}
