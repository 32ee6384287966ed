// SPDX-License-Identifier: MIT
/*
 * api/swapon.c - whether swap starts in this process, and that it ends
 */
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include "api/init.h"
#include "api/valgrind.h"

/*
 * Is it defined in the executable itself? Then it may not work before main().
 * An address there may also only be that of a stub, for a malloc elsewhere.
 */
static bool program_has_malloc(void)
{
	const void *program = (const void *)getauxval(AT_PHDR);
	Dl_info its, of_program, ours;
	const void *symbol;

	return dladdr1((const void *)malloc, &its, (void **)&symbol,
		       RTLD_DL_SYMENT) &&
	       symbol && ((const ElfW(Sym) *)symbol)->st_shndx != SHN_UNDEF &&
	       dladdr(program, &of_program) &&
	       dladdr((const void *)program_has_malloc, &ours) &&
	       its.dli_fbase == of_program.dli_fbase &&
	       its.dli_fbase != ours.dli_fbase;
}

/*
 * Some programs bring their own malloc, and then there is nothing to swap. More
 * so as those are browsers, which count their threads before they confine
 * themselves, and kill one that makes a system call afterwards.
 */
static bool is_the_allocator(void)
{
	bool ours = !program_has_malloc();
	void *p = ours ? malloc(1) : NULL;

	if (p)
		ours = map_find(NULL, (uintptr_t)p);
	free(p);
	if (!ours)
		mm_warn("swap is off: this program has a malloc of its own");
	return ours;
}

static bool may_swap(void)
{
	if (RUNNING_ON_VALGRIND) {
		mm_warn("swap is off: Valgrind has no threads but libc's");
		return false;
	}
	return is_the_allocator();
}

void api_start_swap(void)
{
	struct heap *h = NULL;

	if (may_swap()) {
		os_clock_init();
		h = door_enter();
	}
	if (h) {
		swap_start();
		door_leave(h);
	}
	if (swap_on)
		api_watch_forks();
	else
		swap_stop();
}

/* Who forks holds what swapd needs; NULL for that thread, too. */
static struct heap *enter_to_ask(void)
{
	return lock_is_forking() ? NULL : door_enter();
}

void api_follow_ids(void)
{
	struct heap *h = enter_to_ask();
	int err;

	if (!h)
		return;
	err = swap_on ? swap_follow_ids() : 0;
	door_leave(h);
	if (err)
		api_end_swap("its threads cannot become who the program is");
}

#define FEW_FILES 64 /* swapd has a dozen */

void api_limit_files(size_t limit)
{
	struct heap *h = limit < FEW_FILES ? enter_to_ask() : NULL;

	if (!h)
		return;
	swap_ask(SWAP_FILE, NULL, 0);
	door_leave(h);
}

void api_end_swap(const char *why)
{
	struct heap *h = enter_to_ask();
	bool was_on = false;
	int err;

	if (!h)
		return;
	err = swap_end();
	if (!err) {
		all_locks(FORK_PREPARE);
		was_on = swap_on;
		swap_stop();
		all_locks(FORK_PARENT);
	}
	door_leave(h);
	if (was_on)
		mm_warn("swap is off from here on: %s", why);
	if (err)
		mm_warn("swap would have to end, as %s, but not all of the heap fits into memory (error %d)",
			why, -err);
}
