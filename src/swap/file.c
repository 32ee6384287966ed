// SPDX-License-Identifier: MIT
/*
 * swap/file.c - the swap file, and who of the family uses what of it
 *
 * The file has no name. It is made by swapd when it is first needed, in the
 * service threads' table of descriptors; children reopen it.
 *
 * member:  a process of the family, by its index 0..62. It holds a lock on the
 *          byte of the file with that number through what it alone opened, so
 *          the kernel ends membership with the process, however it dies. Who
 *          finds no index free, or no such locks, is FOREVER: what it uses is
 *          kept until the file goes.
 * users:   per cluster of the file the bits of the members that use it, in
 *          memory that the family shares. Free iff 0. Who has the last bit
 *          punches the hole before clearing it.
 *
 * Bits are set by their member (0 -> bit), or for a child by the parent, which
 * has the cluster itself. Bits of a member that died are cleared by who holds
 * the lock of its byte meanwhile, so that no new member has them.
 *
 * A nonce is never used twice in a family: each write takes the next one. The
 * key is in one locked page that no core dump has, and nowhere else.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <nettle/aes.h>
#include <nettle/ctr.h>
#include "os/os.h"
#include "swap/store.h"

#define NR_MEMBERS 63
#define FOREVER	   63
#define NOBODY	   64
#define REST_MS	   10000 /* after a failure; between two sweeps */
#define DISK_MS	   10000 /* after that the disk does not count as working */
#define KEY_BYTES  32

struct family {
	uint64_t nonce;	  /* the last one taken */
	uint64_t members; /* those that may have bits; a hint */
	uint64_t end;	  /* clusters from here on were never used */
	uint64_t users[];
};

struct secret {
	struct aes256_ctx aes;
	uint8_t key[KEY_BYTES];
};

static struct family *family; /* written under store_lock */
static struct secret *secret;
static int fd = -1; /* in the service threads' table */
static unsigned me = NOBODY, child = NOBODY;
static size_t lowest; /* clusters below are in use */
static uint64_t rest_until, swept_ms, disk_ms;
static char tmpdir[PATH_MAX]; /* $TMPDIR as the program was started */
static int told;
static bool writes_through; /* swapd's */
static unsigned at_disk;    /* threads that make room there, and wait; atomic */

static size_t file_clusters(void)
{
	return min_size(swap_config.file_max / CLUSTER_BYTES, MAX_CLUSTERS / 2);
}

static size_t family_bytes(void)
{
	return align_up(sizeof(struct family) +
				file_clusters() * sizeof(uint64_t),
			os_page_size());
}

static uint64_t bit(unsigned member)
{
	return 1UL << member;
}

/* ---- making it ---- */

static int open_file(void)
{
	const char *dirs[] = { tmpdir, "/var/tmp" };
	int err = -ENOENT;

	if (swap_config.dir)
		return os_open_unnamed(swap_config.dir);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (!*dirs[i] || os_in_memory(dirs[i]) == 1)
			continue;
		err = os_open_unnamed(dirs[i]);
		if (err >= 0)
			break;
	}
	return err;
}

static int make_secret(struct secret *s)
{
	int err = os_random(s->key, sizeof(s->key));

	if (err)
		return err;
	/* both are only better than nothing */
	os_lock(s, os_page_size());
	os_advise(s, os_page_size(), OS_DONTDUMP);
	aes256_set_encrypt_key(&s->aes, s->key);
	memset(s->key, 0, sizeof(s->key));
	__asm__ volatile("" : : "r"(s) : "memory");
	return 0;
}

static int make_family(void)
{
	struct family *f = os_map_shared(family_bytes());
	struct secret *s = os_map(os_page_size());
	int new = -1, err = -ENOMEM;

	if (!f || !s)
		goto out;
	err = new = open_file();
	if (new < 0)
		goto out;
	err = make_secret(s);
	if (err)
		goto out;
	os_lock_byte(new, 0, true);
	f->members = bit(0);
	lock_acquire(&store_lock);
	secret = s;
	fd = new;
	me = 0;
	lowest = 0;
	family = f;
	lock_release(&store_lock);
	return 0;
out:
	if (new >= 0)
		os_close(new);
	if (f)
		os_unmap(f, family_bytes());
	if (s)
		os_unmap(s, os_page_size());
	return err;
}

void swap_make_file(void)
{
	if (!family && swap_config.file_max)
		make_family();
}

/* ---- what may take long ---- */

/*
 * Whoever freezes a file system waits for writers, one of which may wait for a
 * page of its own that only comes when there is room.
 */
bool swap_at_disk(void)
{
	return READ_ONCE(at_disk) &&
	       os_clock_ms() - READ_ONCE(disk_ms) < DISK_MS;
}

void disk_begin(void)
{
	WRITE_ONCE(disk_ms, os_clock_ms());
	__atomic_add_fetch(&at_disk, 1, __ATOMIC_RELAXED);
}

void disk_end(void)
{
	__atomic_sub_fetch(&at_disk, 1, __ATOMIC_RELAXED);
}

void swap_write_through(void)
{
	writes_through = true;
}

/* One cluster goes to the disk while the next is being filled. */
static void write_out(uint64_t start)
{
	static uint64_t last;

	os_write_out(fd, start, CLUSTER_BYTES, false);
	os_write_out(fd, last, CLUSTER_BYTES, true);
	last = start;
}

/* ---- who uses what ---- */

static void drop_bit(int file, size_t i, unsigned member)
{
	uint64_t *users = &family->users[i];
	uint64_t mask = __atomic_load_n(users, __ATOMIC_ACQUIRE);

	while (mask & bit(member)) {
		if (mask == bit(member)) {
			/* nobody else can add one now */
			disk_begin();
			os_punch(file, i * CLUSTER_BYTES, CLUSTER_BYTES);
			disk_end();
			smp_store_release(users, 0);
			return;
		}
		if (__atomic_compare_exchange_n(
			    users, &mask, mask & ~bit(member), false,
			    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return;
	}
}

/* Only with the lock of its byte. */
static void drop_member(int file, unsigned member)
{
	size_t end = READ_ONCE(family->end);

	for (size_t i = 0; i < end; i++)
		drop_bit(file, i, member);
	__atomic_and_fetch(&family->members, ~bit(member), __ATOMIC_RELAXED);
}

static void sweep(void)
{
	uint64_t others = READ_ONCE(family->members) & ~bit(me);

	for (unsigned i = 0; i < NR_MEMBERS; i++) {
		if (!(others & bit(i)) || os_lock_byte(fd, i, true))
			continue;
		drop_member(fd, i);
		os_lock_byte(fd, i, false);
	}
	lowest = 0;
	swept_ms = os_clock_ms();
}

void file_sweep(void)
{
	if (family && fd >= 0 && os_clock_ms() - swept_ms >= REST_MS)
		sweep();
}

/* An index for what was opened as @file, and nothing left under it. */
static unsigned join(int file)
{
	uint64_t members = READ_ONCE(family->members);

	/* who died has left work; that is rather for the next sweep */
	for (unsigned i = 0; i < NR_MEMBERS; i++)
		if (!(members & bit(i)) && !os_lock_byte(file, i, true))
			return i;
	for (unsigned i = 0; i < NR_MEMBERS; i++) {
		int err = os_lock_byte(file, i, true);

		if (!err) {
			drop_member(file, i);
			return i;
		}
		if (err != -EAGAIN)
			break;
	}
	return FOREVER;
}

/* ---- clusters of the file ---- */

static bool find_free(uint32_t *place)
{
	size_t max = file_clusters();

	for (size_t i = lowest; i < max; i++) {
		uint64_t none = 0, end = READ_ONCE(family->end);

		if (READ_ONCE(family->users[i]) ||
		    !__atomic_compare_exchange_n(
			    &family->users[i], &none, bit(me), false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		while (end <= i && !__atomic_compare_exchange_n(
					   &family->end, &end, i + 1, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
		*place = (uint32_t)i;
		lowest = i + 1;
		return true;
	}
	return false;
}

bool file_is_usable(void)
{
	return swap_config.file_max && os_clock_ms() >= READ_ONCE(rest_until);
}

int file_claim(uint32_t *place)
{
	int err = 0;

	if (!file_is_usable())
		return -EAGAIN;
	if (!family)
		err = make_family();
	if (err)
		return err;
	if (fd < 0)
		return -EBADF;
	if (os_disk_free(fd) < swap_config.disk_min + CLUSTER_BYTES)
		return -ENOSPC;
	if (find_free(place))
		return 0;
	sweep();
	return find_free(place) ? 0 : -EDQUOT;
}

void file_release(uint32_t place)
{
	if (me == FOREVER)
		return;
	drop_bit(fd, place, me);
	lowest = min_size(lowest, place);
}

void file_failed(int err)
{
	const char *why = "Choose another directory with swap_dir";

	if (err == -EAGAIN)
		return;
	WRITE_ONCE(rest_until, os_clock_ms() + REST_MS);
	__atomic_fetch_add(&swap_now.errors, 1, __ATOMIC_RELAXED);
	if (told == err)
		return;
	told = err;
	if (err == -EDQUOT)
		why = "It is as large as it may be: raise swap";
	else if (err == -ENOSPC)
		why = "The file system is full: free some, or choose another directory with swap_dir";
	else if (err == -EFBIG)
		why = "Raise the limit on the size of files (ulimit -f)";
	mm_warn("cannot write to the swap file in %s (error %d); cold pages stay in memory (reported once). %s",
		swap_config.dir ? swap_config.dir : "$TMPDIR or /var/tmp", -err,
		why);
}

/* ---- bytes ---- */

/* CTR, so any multiple of 16 bytes of a cluster can be had alone. */
static void crypt_bytes(const struct aes256_ctx *aes, uint64_t nonce,
			size_t offset, void *to, const void *from, size_t bytes)
{
	uint64_t words[2] = { __builtin_bswap64(nonce),
			      __builtin_bswap64(offset / AES_BLOCK_SIZE) };
	uint8_t counter[AES_BLOCK_SIZE];

	memcpy(counter, words, sizeof(counter));
	ctr_crypt(aes, (nettle_cipher_func *)aes256_encrypt, AES_BLOCK_SIZE,
		  counter, bytes, to, from);
}

static int write_cluster(struct swap_coder *c, uint64_t start, const char *p,
			 size_t bytes, uint64_t nonce)
{
	if (!swap_config.crypt)
		return os_write_at(fd, p, bytes, start);
	for (size_t done = 0; done < bytes; done += CHUNK_BYTES) {
		size_t len = min_size(bytes - done, CHUNK_BYTES);
		int err;

		crypt_bytes(&secret->aes, nonce, done, c->chunk, p + done, len);
		err = os_write_at(fd, c->chunk, len, start + done);
		if (err)
			return err;
	}
	return 0;
}

int file_write(struct swap_coder *c, uint32_t place, const void *from,
	       size_t bytes, uint64_t *nonce)
{
	uint64_t start = (uint64_t)place * CLUSTER_BYTES;
	int err;

	*nonce = __atomic_add_fetch(&family->nonce, 1, __ATOMIC_RELAXED);
	err = write_cluster(c, start, from, bytes, *nonce);
	if (!err && writes_through)
		write_out(start);
	return err;
}

int file_read(uint32_t place, uint64_t nonce, size_t offset, void *to,
	      size_t bytes, bool wait)
{
	int file = READ_ONCE(fd), err = -EBADF;
	uint64_t at = (uint64_t)place * CLUSTER_BYTES + offset;

	if (file >= 0)
		err = wait ? os_read_at(file, to, bytes, at)
			   : os_read_cached(file, to, bytes, at);
	if (err == -EAGAIN)
		return err;
	if (err) {
		__atomic_fetch_add(&swap_now.errors, 1, __ATOMIC_RELAXED);
		return -EIO;
	}
	if (swap_config.crypt)
		crypt_bytes(&secret->aes, nonce, offset, to, to, bytes);
	return 0;
}

/* ---- at the start ---- */

/*
 * Before any page leaves: programs that change their title move their
 * environment to the heap, where swapd must not read. nettle looks there, too,
 * when it is first used.
 */
void file_init(void)
{
	const char *dir = os_is_secure() ? NULL : getenv("TMPDIR");
	uint8_t block[AES_BLOCK_SIZE] = { 0 };
	struct aes256_ctx aes;

	if (dir && strlen(dir) < sizeof(tmpdir))
		strcpy(tmpdir, dir);
	if (!swap_config.crypt)
		return;
	aes256_set_encrypt_key(&aes, (uint8_t[AES256_KEY_SIZE]){ 0 });
	crypt_bytes(&aes, 0, 0, block, block, sizeof(block));
}

/* ---- the family ---- */

void swap_service_start(int file_fd)
{
	WRITE_ONCE(fd, file_fd);
	if (secret)
		os_lock(secret, os_page_size());
}

/* A child is a member before it is there, so nothing is freed under it. */
int swap_fork_open(int tid)
{
	struct cluster *cl;
	int file;

	child = NOBODY;
	if (!family || fd < 0)
		return -EBADF;
	file = os_reopen(tid, fd);
	if (file < 0)
		return file;
	child = join(file);
	__atomic_or_fetch(&family->members, bit(child), __ATOMIC_RELAXED);
	list_for_each_entry(cl, &in_file, age)
		__atomic_or_fetch(&family->users[cl->place], bit(child),
				  __ATOMIC_ACQ_REL);
	return file;
}

bool file_fork_child(void)
{
	if (!family)
		return true;
	fd = -1;
	me = child;
	child = NOBODY;
	lowest = 0;
	rest_until = 0;
	at_disk = 0;
	if (me != NOBODY)
		return true;
	/* what was inherited is not readable; another file may be made */
	os_unmap(family, family_bytes());
	os_unmap(secret, os_page_size());
	family = NULL;
	secret = NULL;
	return false;
}
