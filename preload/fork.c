// SPDX-License-Identifier: MIT
/*
 * preload/fork.c - libc's fork, with our handlers in place before it starts
 *
 * Forks inside of libc (forkpty, daemon) do not come here: they rely on the
 * handlers that the first thread beside the main one registers.
 */
#include <unistd.h>
#include "api/api.h"

pid_t __fork(void);

__public pid_t fork(void)
{
	api_watch_forks();
	return __fork();
}
