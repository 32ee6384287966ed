/* SPDX-License-Identifier: MIT */
/*
 * os/os.h - everything libmm asks of the kernel
 *
 * All calls here are raw: they never touch errno, never allocate, never take a
 * libc lock and may be used before libc is initialised, but for those that say
 * otherwise. Errors are -errno.
 */
#ifndef MM_OS_OS_H
#define MM_OS_OS_H

#include <asm/mman.h>
#include "base/bits.h"

/* ---- memory (os/mem.c) ---- */

/** os_page_size - the machine's page size in bytes, at least PAGE_SIZE */
size_t os_page_size(void);

/**
 * os_reserve - take address space without memory behind it
 * @size: bytes, a multiple of the page size
 *
 * Returns an address without access rights, or NULL. Under THP=always the
 * range is exempt from huge pages until os_hugepage() asks for them.
 */
void *os_reserve(size_t size);

/**
 * os_reserve_part - as much as leaves most of what there is to the program
 * @size:  bytes wanted, a multiple of @step; receives how many they are
 * @least: fewer are of no use
 *
 * An eighth of a free part of the address space at most, where that is limited.
 */
void *os_reserve_part(size_t *size, size_t least, size_t step);

/** os_commit - make reserved bytes readable and writable; 0 or -errno */
int os_commit(void *p, size_t size);

/** os_read_only - let reserved bytes be read: all of them are zero */
void os_read_only(void *p, size_t size);

/** os_map - reserve and commit at once; NULL if the kernel refuses */
void *os_map(size_t size);

/** os_map_shared - the same; children made by fork share it */
void *os_map_shared(size_t size);

/** os_unmap - give address space back; 0 or -errno (then it stays ours) */
int os_unmap(void *p, size_t size);

/**
 * os_purge - drop the memory behind a range; it reads as zeros afterwards
 *
 * Returns 0, or -errno: then nothing is known about the contents.
 */
int os_purge(void *p, size_t size);

/** enum os_advice - of madvise(2); the last are newer than some headers */
enum os_advice {
	OS_DROP = MADV_DONTNEED,
	OS_DONTFORK = MADV_DONTFORK,
	OS_HUGEPAGE = MADV_HUGEPAGE,	 /* back it by huge pages from now on */
	OS_NOHUGEPAGE = MADV_NOHUGEPAGE, /* no longer */
	OS_WIPEONFORK = MADV_WIPEONFORK, /* a forked child finds zeros */
	OS_KEEPONFORK = MADV_KEEPONFORK, /* a copy again */
	OS_DONTDUMP = MADV_DONTDUMP,	 /* not part of core dumps */
	OS_DODUMP = MADV_DODUMP,
	OS_BRING = MADV_POPULATE_READ,	  /* as if the kernel touched it */
	OS_UNSHARE = MADV_POPULATE_WRITE, /* no page is shared with children */
	OS_DROP_LOCKED = 24,
	OS_GUARD = 102,
};

/** os_advise - how the kernel shall treat a range, any advice; 0 or -errno */
int os_advise(void *p, size_t size, int advice);

/**
 * os_lock - bring a range into memory and keep it there
 *
 * Returns 0 or -errno (-ENOMEM, -EPERM: beyond RLIMIT_MEMLOCK); then some of it
 * may be locked.
 */
int os_lock(void *p, size_t size);

/** os_unlock - the opposite; locks do not nest */
void os_unlock(void *p, size_t size);

/**
 * os_move - move pages to another, reserved or mapped, place without copying
 * @from: page-aligned source; stays mapped, reads as zeros afterwards
 * @to:   page-aligned destination of at least @size bytes, replaced
 *
 * Returns 0 or -errno (kernels before 5.7 answer -EINVAL); on failure both
 * ranges are as before, except that @to may be unmapped.
 */
int os_move(void *from, void *to, size_t size);

/** os_resident - bytes of memory behind a range, 0 if it is not mapped */
size_t os_resident(const void *p, size_t size);

/** enum os_resource - of getrlimit(2); its header may rename functions */
enum os_resource {
	OS_OPEN_FILES = 7,
	OS_LOCKED_MEMORY = 8,
	OS_ADDRESS_SPACE = 9,
};

/** os_limit - what the process may have of it, in bytes; SIZE_MAX: any amount
 */
size_t os_limit(enum os_resource what);

/* ---- userfaultfd (os/uffd.c) ---- */

/**
 * os_uffd_open - a descriptor for pages to be brought when they are touched
 * @user_mode: be content with faults of the program; the kernel's end in EFAULT
 * @forks:     receives whether forks are reported, too
 *
 * Returns it, or -EPERM (not allowed), -EOPNOTSUPP (a kernel without
 * UFFDIO_MOVE, before 6.8), or another -errno.
 */
int os_uffd_open(bool user_mode, bool *forks);

/** os_uffd_register - report touches of absent pages of a range; 0 or -errno */
int os_uffd_register(int fd, void *p, size_t size);

/**
 * os_uffd_protect - report writes to the pages that a registered range has, too
 *
 * Those that come into it later may be written. Returns 0, or -errno: -EINVAL
 * if the machine cannot do that, -EAGAIN while a fork is to be read of.
 */
int os_uffd_protect(int fd, void *p, size_t size);

/**
 * os_uffd_unprotect - let a range be written, and wake who waits for that
 *
 * Returns 0; or -errno, and then nobody is woken: -EAGAIN as above, -ENOENT if
 * a part of it is not registered.
 */
int os_uffd_unprotect(int fd, void *p, size_t size);

/**
 * os_uffd_move - move pages, leaving none behind
 * @to:   registered, nothing there
 * @wake: wake who waits for the pages at @to
 *
 * Returns the bytes that it got through, or -errno if none: -ENOENT if the
 * first page is absent. Linux 6.18 may say -EEXIST, or -EAGAIN and then
 * -ENOENT, although it has moved it, and woken nobody.
 */
long os_uffd_move(int fd, void *to, void *from, size_t size, bool wake);

/** os_uffd_copy - fill absent pages, wake who waits; bytes filled or -errno */
long os_uffd_copy(int fd, void *to, const void *from, size_t size);

/**
 * os_uffd_is_changing - is there a fork whose report has not been read?
 * @page: one that the descriptor watches over; it may become zeros
 */
bool os_uffd_is_changing(int fd, void *page);

/** os_uffd_wake - let who waits for a range look again */
void os_uffd_wake(int fd, void *p, size_t size);

/**
 * struct os_touch - what the kernel reports
 * @addr:   address that was touched
 * @tid:    thread that waits for it
 * @child:  -1, or the process was forked, and this descriptor is for the child
 * @writes: the page is there, but protected
 */
struct os_touch {
	uintptr_t addr;
	int tid, child;
	bool writes;
};

/** os_uffd_wait - wait for a report; 0 or -errno */
int os_uffd_wait(int fd, struct os_touch *touch);

/** os_uffd_look - the same without waiting: -EAGAIN if there is none */
int os_uffd_look(int fd, struct os_touch *touch);

/** os_pagemap_open - for os_pagemap_read(); fd or -errno */
int os_pagemap_open(void);

/**
 * os_pagemap_next - the first stretch of a range that has contents
 * @most: pages of it to look at, 0 for all
 *
 * Returns 1, or 0 if there is none, or -errno. Quick where there is nothing. A
 * stretch may be found in two parts.
 */
int os_pagemap_next(int fd, uintptr_t *start, uintptr_t *end, size_t most);

/** os_pagemap_read - which pages of a range have contents; 0 or -EIO */
int os_pagemap_read(int fd, const void *p, size_t nr, bool *has);

/** os_pagemap_shared - which of them another process has, too; 0 or -EIO */
int os_pagemap_shared(int fd, const void *p, size_t nr, bool *shared);

/* ---- threads that the program does not see (os/thread.c) ---- */

struct os_thread; /* its stack */

/** os_thread_new - memory for one; NULL if there is none */
struct os_thread *os_thread_new(void);

/**
 * os_thread_start - run @fn in a thread of our own, until it returns
 * @apart: it has descriptors, a root and a working directory of its own, at
 *         first the same; otherwise those of the thread that starts it
 *
 * It may call nothing that needs libc to know the thread, and gets no signals.
 * Returns its number or -errno.
 */
int os_thread_start(struct os_thread *t, void (*fn)(void *), void *arg,
		    bool apart);

/** os_thread_lives - is there a thread of this process with that number? */
bool os_thread_lives(int tid);

void os_thread_name(const char *name);

/** os_leave_folder - the calling thread's working directory may be unmounted */
void os_leave_folder(void);

/** os_close_all_but - close every descriptor of the caller's table but one; -1:
 * all */
void os_close_all_but(int fd);

/**
 * os_reserve_stdio - take the numbers 0 to 2 of an empty table
 *
 * By what can be neither read nor written, so that messages never end up in a
 * file of ours.
 */
void os_reserve_stdio(void);

int os_gettid(void);

/** os_proc_tid - the same in the namespace of /proc, which may be another */
int os_proc_tid(void);

/** os_threads - numbers of threads of the process; how many were found */
unsigned os_threads(int tids[], unsigned most);

/**
 * os_first_ended - how the first thread did; -1 if it lives
 *
 * As wait() says it of the process, if that is not told to end otherwise.
 */
int os_first_ended(void);

/** os_end - end the process like that; from a thread of our own */
__attribute__((noreturn)) void os_end(int status);

/** os_cpu_ns - processor time of a thread of the process; 0 if it is gone */
uint64_t os_cpu_ns(int tid);

/** struct os_cpus - where a thread may run: a bit for each CPU */
struct os_cpus {
	unsigned long bits[16];
};

/** os_cpus_get, os_cpus_set - of the calling thread; 0 or -errno */
int os_cpus_get(struct os_cpus *cpus);
int os_cpus_set(const struct os_cpus *cpus);

/** os_cpus_of - the CPU that a thread ran on last, alone; 0 or -errno */
int os_cpus_of(int tid, struct os_cpus *cpu);

/** os_futex_wait - sleep while *@word == @value, @ms at most */
void os_futex_wait(uint32_t *word, uint32_t value, unsigned ms);

/** os_futex_wake - wake all who sleep on a word */
void os_futex_wake(uint32_t *word);

void os_yield(void);

/** os_nap - wait a moment by a system call that malloc makes anyway */
void os_nap(void);

/** os_readable - can the kernel read 8 bytes there? */
bool os_readable(const void *p);

/** os_syscall - any system call; -errno if it fails */
long os_syscall(long nr, long a, long b, long c, long d, long e, long f);

/* ---- libc (os/libc.c) ---- */

/** os_streams_hold - the list of stdio's streams stays as it is */
void os_streams_hold(void);
void os_streams_release(void);
/** os_streams_reset - let go of it in a forked child, whoever holds it */
void os_streams_reset(void);

/*
 * Where libc's data about a thread lie, from its thread pointer on: a part that
 * every version has, up to what it has for pthread keys.
 */
#define OS_THREAD_BYTES 2048
#ifdef __x86_64__
#define OS_THREAD_START 0
#else
#define OS_THREAD_START (-OS_THREAD_BYTES) /* before it */
#endif

/**
 * os_touch_forking - bring in what libc touches in the child of a fork
 *
 * Before handlers run there. Context: the forking thread, streams held.
 */
void os_touch_forking(void);

/* ---- machine (os/topology.c) ---- */

#define MAX_NODES 16

/** os_nodes_allowed - bit mask of the nodes this process may use; never 0 */
unsigned long os_nodes_allowed(void);

/**
 * os_nodes_steered - nodes of a memory policy that this process was given
 *
 * By numactl or set_mempolicy(). 0 if it has none: memory comes from the node
 * that touches it first.
 */
unsigned long os_nodes_steered(void);

/** os_nodes_with_cpus - bit mask; all if unknown */
unsigned long os_nodes_with_cpus(void);

/** os_node_distance - SLIT distance between two nodes; 10 means local */
unsigned os_node_distance(unsigned from, unsigned to);

/**
 * os_node_free - bytes of a node's memory that nobody uses
 * @total: receives the bytes it has
 *
 * Returns SIZE_MAX if the kernel does not tell.
 */
size_t os_node_free(unsigned node, size_t *total);

/** os_node_of - node of the memory behind an address; -ENOENT if there is none
 */
int os_node_of(const void *p);

/** os_current_cpu - CPU that runs the caller, negative if unknown; no call */
int os_current_cpu(void);

/** os_getcpu - CPU that runs the caller, and its node; 0 if unknown */
void os_getcpu(unsigned *cpu, unsigned *node);

enum os_placement { OS_PREFER, OS_INTERLEAVE };

/**
 * os_place - say which nodes the memory behind a range shall come from
 * @how:   OS_PREFER takes any other node when those are full; it is never bound
 *         to them, which ends in the OOM killer instead
 * @nodes: mask, not 0
 *
 * Failure is harmless: then memory comes from where it is touched.
 */
void os_place(void *p, size_t size, enum os_placement how, unsigned long nodes);

/**
 * os_cgroup_memory - bytes that the control group of the process may have
 * @used: receives what it has that cannot be dropped
 *
 * Of it and the groups it is in, the one that has least left. SIZE_MAX if there
 * is no limit below the machine's memory.
 */
size_t os_cgroup_memory(size_t *used);

/** os_cgroup_processes - how many are in its own group; 0 if unknown */
size_t os_cgroup_processes(void);

/** os_cgroup_max - the lowest limit of them; SIZE_MAX likewise */
size_t os_cgroup_max(void);

#define CGROUP_PART 16 /* of a limit, left for what the kernel keeps there */

/** os_statm_open - for os_resident_self(); fd or -errno */
int os_statm_open(void);

/** os_resident_self - resident bytes of the process, all of them; 0: unknown */
size_t os_resident_self(int fd);

/** os_ram - bytes of memory of the machine */
size_t os_ram(void);

/**
 * os_ram_available - bytes that the kernel could give out; SIZE_MAX: unknown
 * @total: receives the bytes there are, by the same source
 */
size_t os_ram_available(size_t *total);

/** os_is_secure - true in set-uid and similar programs (AT_SECURE) */
bool os_is_secure(void);

/**
 * os_clock_init - take time from the kernel, not by libc's name
 *
 * Somebody may have put his own in its place (libfaketime has), and that needs
 * a thread of libc's. Context: no lock, no door; allocates, asks the loader.
 */
void os_clock_init(void);

/** os_clock_ms - coarse monotonic milliseconds */
uint64_t os_clock_ms(void);

/** os_clock_ns - monotonic nanoseconds */
uint64_t os_clock_ns(void);

/* ---- who a thread is (os/ids.c) ---- */

/** os_process - the process, also in a child that shares its memory */
int os_process(void);

/** struct os_ids - who a thread is, and what it may do */
struct os_ids {
	uint32_t uid[3], gid[3]; /* real, effective, saved */
	long nr_groups;
	uint32_t group[256];
	uint32_t caps[6]; /* effective, permitted, inheritable, twice */
	bool keeps;	  /* capabilities, when it becomes another user */
};

/** os_ids_get - the caller's; 0 or -errno, -EINVAL: too many groups */
int os_ids_get(struct os_ids *ids);

/** os_ids_set - the caller's shall be these; 0 or -errno */
int os_ids_set(const struct os_ids *ids);

/* ---- files (os/file.c) ---- */

/** os_read_file - read up to @len-1 bytes, add NUL; bytes read or -errno */
long os_read_file(const char *path, char *buf, size_t len);

/** os_number - a decimal number in a text, and where it ends */
size_t os_number(const char **p);

/** os_file_trusted - is it a file of root that others cannot write; or -errno
 */
int os_file_trusted(const char *path);

/** struct os_file_id - which file a descriptor leads to */
struct os_file_id {
	uint64_t dev, ino;
};

/** os_file_id - 0 or -errno */
int os_file_id(int fd, struct os_file_id *id);

/** os_open_write - open for writing, truncating, mode 0600; fd or -errno */
int os_open_write(const char *path);

/** os_dup - another descriptor, @least or above, closed by exec; or -errno */
int os_dup(int fd, int least);

void os_close(int fd);

/** os_write_all - write every byte, retrying; 0 or -errno */
int os_write_all(int fd, const char *buf, size_t len);

/* ---- the swap file (os/swapfile.c) ---- */

/**
 * os_open_unnamed - a file of this process alone, without a name
 *
 * Returns a descriptor, or -errno. Where the file system has no unnamed files,
 * it has a name for a moment. Descriptors are all that leads to it, so its mode
 * lets every user write: a process that changes its user can still reopen it.
 */
int os_open_unnamed(const char *dir);

/** os_reopen - open once more what a thread of this process has open as @fd */
int os_reopen(int tid, int fd);

/** os_read_cached - read if that need not wait for the disk; -EAGAIN if so */
int os_read_cached(int fd, void *buf, size_t len, uint64_t offset);

/** os_read_at - -EIO if the file is shorter */
int os_read_at(int fd, void *buf, size_t len, uint64_t offset);
int os_write_at(int fd, const void *buf, size_t len, uint64_t offset);

/** os_write_out - let the disk write a range of the file, and @wait for it */
void os_write_out(int fd, uint64_t offset, uint64_t len, bool wait);

/** os_punch - give a range's blocks back; it reads as zeros */
int os_punch(int fd, uint64_t offset, uint64_t len);

/** os_disk_free - bytes left on the file's file system; SIZE_MAX if unknown */
size_t os_disk_free(int fd);

/** os_in_memory - is it a directory of a file system that lives in RAM?; or
 * -errno
 */
int os_in_memory(const char *dir);

/**
 * os_lock_byte - lock a byte of a file, or with @lock false unlock it
 *
 * The lock belongs to what was opened, not to the process: it ends when the
 * last descriptor of that is closed, however a process dies. Returns 0,
 * -EAGAIN if others hold it, or -errno if there are no such locks.
 */
int os_lock_byte(int fd, uint64_t byte, bool lock);

/** os_random - fill a few bytes with chance; 0 or -errno */
int os_random(void *buf, size_t len);

/* ---- log and formatting (os/log.c) ---- */

/**
 * os_format - format into a buffer; always ends it with NUL
 *
 * Conversions: %s %c %d %u %x %p %%, with l or z, width, '-' and '0' flags,
 * precision of %s. Returns the bytes written without the NUL.
 */
__printf(3, 4) size_t os_format(char *buf, size_t len, const char *fmt, ...);

/** mm_warn - one line on standard error, "mm: " first; errno is untouched */
__printf(1, 2) void mm_warn(const char *fmt, ...);

/** mm_warn_once - the same, but for each place in the source only once */
#define mm_warn_once(...)                                                      \
	do {                                                                   \
		static bool told;                                              \
		if (!__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))       \
			mm_warn(__VA_ARGS__);                                  \
	} while (0)

/** struct mm_out - buffered writer for the views */
struct mm_out {
	int fd, err;
	size_t len;
	char buf[1024];
};

void out_init(struct mm_out *o, int fd);
__printf(2, 3) void out_printf(struct mm_out *o, const char *fmt, ...);
/** out_flush - write what is buffered; 0 or the first -errno met */
int out_flush(struct mm_out *o);

#endif
