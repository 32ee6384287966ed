// SPDX-License-Identifier: MIT
/*
 * preload/ids.c - libc's calls that change who the program is
 *
 * libc changes all threads that it knows, and then swap's follow.
 */
#include <sys/types.h>
#include "api/api.h"
#include "map/swapmap.h"
#include "next.h"

static int follow(int r)
{
	if (unlikely(swap_on) && !r)
		api_follow_ids();
	return r;
}

/* Defines libc's function @name, of parameters @params, called with @args. */
#define FOLLOWED(name, params, args)                                           \
	int name params;                                                       \
	__public int name params                                               \
	{                                                                      \
		return follow(NEXT(name) args);                                \
	}

FOLLOWED(setuid, (uid_t a), (a))
FOLLOWED(setgid, (gid_t a), (a))
FOLLOWED(seteuid, (uid_t a), (a))
FOLLOWED(setegid, (gid_t a), (a))
FOLLOWED(setreuid, (uid_t a, uid_t b), (a, b))
FOLLOWED(setregid, (gid_t a, gid_t b), (a, b))
FOLLOWED(setresuid, (uid_t a, uid_t b, uid_t c), (a, b, c))
FOLLOWED(setresgid, (gid_t a, gid_t b, gid_t c), (a, b, c))
FOLLOWED(setgroups, (size_t nr, const gid_t *list), (nr, list))
FOLLOWED(initgroups, (const char *user, gid_t group), (user, group))
FOLLOWED(capset, (void *header, const void *data), (header, data))
