// SPDX-License-Identifier: MIT
/*
 * unit/os_test.c - memory, locks, files
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include "unit.h"
#include "os/lock.h"
#include "os/os.h"

#define SIZE	   KIB(256)
#define IMPOSSIBLE (1UL << 60)

/* ---- memory ---- */

static void reserved_memory_is_out_of_reach_until_committed(void **state)
{
	char *p = os_reserve(SIZE);
	size_t page = os_page_size();

	(void)state;
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % page, 0);
	assert_false(is_readable(p));
	assert_int_equal(os_commit(p + page, page), 0);
	assert_false(is_readable(p));
	assert_true(is_readable(p + page));
	assert_false(is_readable(p + 2 * page));
	assert_true(is_zero(p + page, page));
	fill(p + page, page, 0);
	/* again, and with what follows: contents stay */
	assert_int_equal(os_commit(p + page, 2 * page), 0);
	assert_true(is_filled(p + page, page, 0));
	assert_true(is_zero(p + 2 * page, page));
	assert_int_equal(os_unmap(p, SIZE), 0);
	assert_false(is_readable(p + page));
}

static void reservations_cost_no_memory(void **state)
{
	char *p = os_reserve(GIB(64));

	(void)state;
	if (!p)
		skip();
	assert_int_equal(os_resident(p, MIB(16)), 0);
	assert_int_equal(os_commit(p, MIB(16)), 0);
	assert_int_equal(os_resident(p, MIB(16)), 0);
	assert_int_equal(os_unmap(p, GIB(64)), 0);
}

static void refusals_are_null_or_negative_and_keep_errno(void **state)
{
	char *p = os_map(SIZE);

	(void)state;
	errno = 4321;
	assert_null(os_reserve(IMPOSSIBLE));
	assert_null(os_map(IMPOSSIBLE));
	assert_true(os_commit((void *)PAGE_SIZE, PAGE_SIZE) < 0);
	assert_int_equal(os_unmap(p + 1, SIZE), -EINVAL);
	assert_true(os_purge((void *)PAGE_SIZE, PAGE_SIZE) < 0);
	assert_true(os_move((void *)PAGE_SIZE, p, PAGE_SIZE) < 0);
	assert_int_equal(os_resident((void *)PAGE_SIZE, PAGE_SIZE), 0);
	os_advise((void *)PAGE_SIZE, PAGE_SIZE, OS_HUGEPAGE);
	assert_int_equal(errno, 4321);
	assert_int_equal(os_unmap(p, SIZE), 0);
}

static void purged_memory_reads_as_zeros(void **state)
{
	size_t page = os_page_size();
	char *p = os_map(SIZE);

	(void)state;
	fill(p, SIZE, 0);
	assert_int_equal(os_resident(p, SIZE), SIZE);
	assert_int_equal(os_purge(p + page, 2 * page), 0);
	assert_int_equal(os_resident(p, SIZE), SIZE - 2 * page);
	assert_true(is_filled(p, page, 0));
	assert_true(is_zero(p + page, 2 * page));
	assert_true(is_filled(p + 3 * page, SIZE - 3 * page, 0));
	assert_int_equal(os_unmap(p, SIZE), 0);
}

static void resident_counts_the_pages_that_were_touched(void **state)
{
	size_t page = os_page_size(), size = 3000 * page;
	char *p = os_map(size);

	(void)state;
	assert_non_null(p);
	assert_int_equal(os_resident(p, size), 0);
	/* on both sides of what one system call looks at */
	for (size_t i = 0; i < 3000; i += 100)
		p[i * page] = 1;
	assert_int_equal(os_resident(p, size), 30 * page);
	assert_int_equal(os_resident(p + 100 * page, page), page);
	assert_int_equal(os_resident(p + 101 * page, 99 * page), 0);
	assert_int_equal(os_unmap(p, size), 0);
}

static void moved_pages_keep_their_contents_and_are_not_copied(void **state)
{
	size_t size = MIB(4);
	char *from = os_map(size), *to = os_reserve(2 * size);
	long faults;
	int err;

	(void)state;
	fill(from, size, 0);
	faults = minor_faults();
	err = os_move(from, to, size);
	if (err == -EINVAL)
		skip(); /* before Linux 5.7 */
	assert_int_equal(err, 0);
	assert_true(is_filled(to, size, (uintptr_t)from - (uintptr_t)to));
	if (!SANITIZED)
		assert_true(minor_faults() - faults <
			    (long)(size / os_page_size() / 4));
	/* the source is still there, and empty */
	assert_int_equal(os_resident(from, size), 0);
	assert_true(is_zero(from, size));
	assert_int_equal(os_unmap(from, size), 0);
	assert_int_equal(os_unmap(to, 2 * size), 0);
}

static void limits_of_address_space_are_seen(void)
{
	struct rlimit rl;

	getrlimit(RLIMIT_AS, &rl);
	if (rl.rlim_cur == RLIM_INFINITY)
		assert_int_equal(os_limit(OS_ADDRESS_SPACE), SIZE_MAX);
	limit_address_space(MIB(64));
	assert_int_equal(os_limit(OS_ADDRESS_SPACE), MIB(64));
	assert_null(os_reserve(MIB(64)));
	assert_non_null(os_reserve(MIB(1)));
}

static void page_size_is_that_of_the_machine(void **state)
{
	(void)state;
	assert_int_equal(os_page_size(), sysconf(_SC_PAGESIZE));
	assert_int_equal(os_page_size() % PAGE_SIZE, 0);
	assert_false(os_is_secure());
}

static void clock_goes_forward_in_milliseconds(void **state)
{
	struct timespec pause = { .tv_nsec = 50 * 1000000 };
	uint64_t start = os_clock_ms(), passed;

	(void)state;
	nanosleep(&pause, NULL);
	passed = os_clock_ms() - start;
	assert_in_range(passed, 30, 30000);
}

/* ---- locks ---- */

#define NR_THREADS 4
#define NR_ROUNDS  50000

static struct mm_lock lock;
static unsigned long counter;

static void *count_up(void *arg)
{
	(void)arg;
	for (int i = 0; i < NR_ROUNDS; i++) {
		lock_acquire(&lock);
		counter++;
		lock_release(&lock);
	}
	return NULL;
}

static void only_one_thread_holds_a_lock(void **state)
{
	pthread_t thread[NR_THREADS];

	(void)state;
	counter = 0;
	for (int i = 0; i < NR_THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, count_up, NULL), 0);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(counter, NR_THREADS * NR_ROUNDS);
	assert_int_equal(lock.word, 0);
}

static void lock_that_is_held_cannot_be_tried(void **state)
{
	(void)state;
	assert_true(lock_try(&lock));
	assert_false(lock_try(&lock));
	lock_release(&lock);
	assert_true(lock_try(&lock));
	lock_init(&lock); /* as the child of a fork does */
	assert_true(lock_try(&lock));
	lock_release(&lock);
}

static struct mm_lock heap_lock = LOCK(HEAP), zone_lock = LOCK(ZONE);

/* Whether a process ends that takes one lock and then another. */
static bool is_stopped(struct mm_lock *first, struct mm_lock *second)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGABRT, SIG_DFL);
		close(2);
		lock_acquire(first);
		lock_acquire(second);
		lock_release(first);
		lock_release(second);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void locks_in_the_wrong_order_are_a_bug(void **state)
{
	(void)state;
	assert_false(is_stopped(&heap_lock, &zone_lock));
	assert_int_equal(is_stopped(&zone_lock, &heap_lock), DEBUG_VM);
}

static void *take_and_leave(void *arg)
{
	lock_acquire(&lock);
	*(bool *)arg = true;
	lock_release(&lock);
	return NULL;
}

static void sleepers_are_woken_one_after_the_other(void **state)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	pthread_t thread[NR_THREADS];
	bool done[NR_THREADS] = { false };

	(void)state;
	lock_acquire(&lock);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&thread[i], NULL, take_and_leave, &done[i]);
	while (READ_ONCE(lock.word) != 2)
		nanosleep(&pause, NULL);
	nanosleep(&pause, NULL);
	for (int i = 0; i < NR_THREADS; i++)
		assert_false(READ_ONCE(done[i]));
	lock_release(&lock);
	for (int i = 0; i < NR_THREADS; i++) {
		pthread_join(thread[i], NULL);
		assert_true(done[i]);
	}
	assert_int_equal(lock.word, 0);
}

static void holder_of_all_locks_walks_through_them(void **state)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	pthread_t thread;
	bool done = false;

	(void)state;
	lock_acquire(&lock);
	WRITE_ONCE(lock_holder, __builtin_thread_pointer());
	pthread_create(&thread, NULL, take_and_leave, &done);
	for (int i = 0; i < 3; i++) {
		lock_acquire(&lock);
		assert_false(lock_try(&lock));
		lock_release(&lock);
		nanosleep(&pause, NULL);
	}
	assert_int_not_equal(READ_ONCE(lock.word), 0);
	assert_false(READ_ONCE(done));
	WRITE_ONCE(lock_holder, NULL);
	lock_release(&lock);
	pthread_join(thread, NULL);
	assert_true(done);
}

/* ---- files ---- */

static void written_bytes_are_read_back(void **state)
{
	char path[] = "/tmp/os_test.XXXXXX", text[3000], buf[4096];
	struct stat st;
	int fd;

	(void)state;
	memset(text, 'x', sizeof(text));
	close(mkstemp(path));
	unlink(path);
	fd = os_open_write(path);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(os_write_all(fd, text, sizeof(text)), 0);
	os_close(fd);
	assert_int_equal(os_read_file(path, buf, sizeof(buf)), sizeof(text));
	assert_memory_equal(buf, text, sizeof(text));
	assert_int_equal(buf[sizeof(text)], '\0');
	/* one byte too few, one just enough */
	assert_int_equal(os_read_file(path, buf, sizeof(text)),
			 sizeof(text) - 1);
	assert_int_equal(buf[sizeof(text) - 1], '\0');
	assert_int_equal(os_read_file(path, buf, sizeof(text) + 1),
			 sizeof(text));
	/* opening to write cuts it */
	os_close(os_open_write(path));
	assert_int_equal(os_read_file(path, buf, sizeof(buf)), 0);
	unlink(path);
}

static void file_errors_are_negative_and_keep_errno(void **state)
{
	char buf[64];

	(void)state;
	errno = 4321;
	assert_int_equal(os_read_file("/nonexistent/x", buf, sizeof(buf)),
			 -ENOENT);
	assert_int_equal(os_read_file("/", buf, sizeof(buf)), -EISDIR);
	assert_int_equal(os_open_write("/nonexistent/x"), -ENOENT);
	assert_int_equal(os_write_all(-1, "x", 1), -EBADF);
	assert_int_equal(os_write_all(-1, "", 0), 0);
	os_close(-1);
	assert_int_equal(errno, 4321);
}

static void *drain(void *arg)
{
	char buf[1000];
	size_t got = 0;
	ssize_t n;

	while ((n = read(*(int *)arg, buf, sizeof(buf))) > 0)
		got += (size_t)n;
	return (void *)got;
}

static void writing_goes_on_after_a_partial_write(void **state)
{
	int fds[2];
	pthread_t thread;
	char *p = os_map(SIZE);
	void *got;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pthread_create(&thread, NULL, drain, &fds[0]);
	assert_int_equal(os_write_all(fds[1], p, SIZE), 0);
	os_close(fds[1]);
	pthread_join(thread, &got);
	assert_int_equal((size_t)got, SIZE);
	os_close(fds[0]);
	os_unmap(p, SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			reserved_memory_is_out_of_reach_until_committed),
		cmocka_unit_test(reservations_cost_no_memory),
		cmocka_unit_test(refusals_are_null_or_negative_and_keep_errno),
		cmocka_unit_test(purged_memory_reads_as_zeros),
		cmocka_unit_test(resident_counts_the_pages_that_were_touched),
		cmocka_unit_test(
			moved_pages_keep_their_contents_and_are_not_copied),
		CHILD_TEST(limits_of_address_space_are_seen),
		cmocka_unit_test(page_size_is_that_of_the_machine),
		cmocka_unit_test(clock_goes_forward_in_milliseconds),
		cmocka_unit_test(only_one_thread_holds_a_lock),
		cmocka_unit_test(lock_that_is_held_cannot_be_tried),
		cmocka_unit_test(locks_in_the_wrong_order_are_a_bug),
		cmocka_unit_test(holder_of_all_locks_walks_through_them),
		cmocka_unit_test(sleepers_are_woken_one_after_the_other),
		cmocka_unit_test(written_bytes_are_read_back),
		cmocka_unit_test(file_errors_are_negative_and_keep_errno),
		cmocka_unit_test(writing_goes_on_after_a_partial_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
