// SPDX-License-Identifier: MIT
/*
 * swap: the family that shares a file, and forks while much is going on
 */
#include <pthread.h>
#include "swap_file_test.h"

/* As the doors do it around fork(), for a child that the test waits for. */
static pid_t fork_store(void)
{
	int file;
	pid_t pid;

	swap_fork(FORK_PREPARE);
	file = swap_fork_open((int)gettid());
	pid = start_child();
	if (!pid) {
		/* what is the service's alone would not be in its table */
		for (int fd = 3; fd < FILES; fd++) {
			struct stat st;

			if (fd != file && !fstat(fd, &st) &&
			    S_ISREG(st.st_mode) && !st.st_nlink)
				close(fd);
		}
		swap_fork(FORK_CHILD);
		swap_service_start(file);
		return 0;
	}
	close(file);
	swap_fork(FORK_PARENT);
	return pid;
}

static void wait_for_word(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 1);
}

static void a_child_has_what_the_parent_freed(void)
{
	int go[2];
	pid_t pid;

	assert_int_equal(pipe(go), 0);
	start();
	store_all(0, NR / 2);
	assert_true(counts().file_pages > 0);
	pid = fork_store();
	if (!pid) {
		wait_for_word(go[0]);
		check_all(0, NR / 2);
		store_all(NR / 2, NR);
		free_all(0, NR / 4);
		check_all(NR / 4, NR);
		end_child();
	}
	free_all(0, NR / 2);
	store_all(0, NR / 2);
	assert_int_equal(write(go[1], "x", 1), 1);
	store_all(NR / 2, NR);
	check_all(0, NR);
	assert_int_equal(child_status(pid), 0);
	check_all(0, NR);
}

static void sweep_soon(void)
{
	struct timespec ts = { .tv_sec = 11 };

	nanosleep(&ts, NULL);
	balance();
}

static void what_a_killed_child_had_is_freed(void)
{
	pid_t pid;
	int fd;

	start();
	store_all(0, NR);
	pid = fork_store();
	if (!pid) {
		pause();
		end_child();
	}
	fd = file_of();
	free_all(0, NR);
	assert_int_equal(counts().file_bytes, 0);
	assert_true(file_blocks(fd) > MIB(1)); /* they are the child's */
	kill(pid, SIGKILL);
	child_status(pid);
	sweep_soon();
	assert_true(file_blocks(fd) <= KIB(64));
}

static void a_full_file_is_swept_at_once(void)
{
	pid_t pid;

	config.file_max = MIB(4);
	start();
	store_all(0, 1500);
	assert_true(counts().file_pages > 0);
	for (int i = 0; i < 70; i++) {
		pid = fork_store();
		if (!pid) {
			if (i % 2)
				check_all(0, 1500);
			kill(getpid(), SIGKILL);
		}
		assert_int_equal(WTERMSIG(child_status(pid)), SIGKILL);
		free_all(0, 1500);
		store_all(0, 1500);
		check_all(0, 1500);
	}
}

static void more_children_than_members(void)
{
	pid_t pids[80];
	int go[2];

	assert_int_equal(pipe(go), 0);
	start();
	store_all(0, 1500);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork_store();
		if (pids[i])
			continue;
		wait_for_word(go[0]);
		check_all(0, 1500);
		free_all(0, 1500);
		end_child();
	}
	free_all(0, 1500);
	store_all(0, 1500);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(write(go[1], "x", 1), 1);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(child_status(pids[i]), 0);
	check_all(0, 1500);
}

static void grandchildren_outlive_everybody(void)
{
	int go[2], done[2];
	char c = 0;
	pid_t pid;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(done), 0);
	start();
	store_all(0, NR / 2);
	pid = fork_store();
	if (!pid) {
		if (fork_store())
			_exit(0);
		wait_for_word(go[0]);
		check_all(0, NR / 2);
		free_all(0, NR / 2);
		assert_int_equal(write(done[1], "k", 1), 1);
		end_child();
	}
	assert_int_equal(child_status(pid), 0);
	free_all(0, NR / 2);
	store_all(0, NR);
	assert_int_equal(write(go[1], "x", 1), 1);
	close(done[1]);
	assert_int_equal(read(done[0], &c, 1), 1);
	assert_int_equal(c, 'k');
	check_all(0, NR);
}

static void a_child_from_before_the_file_makes_its_own(void)
{
	pid_t pid;

	start();
	store_all(0, 100);
	pid = fork_store();
	store_all(100, NR / 2);
	assert_true(counts().file_pages > 0);
	check_all(0, NR / 2);
	if (!pid)
		end_child();
	assert_int_equal(child_status(pid), 0);
	check_all(0, NR / 2);
}

static void a_child_without_the_file_knows_it(void)
{
	size_t lost = 0;
	pid_t pid;

	start();
	store_all(0, NR / 2);
	swap_fork(FORK_PREPARE);
	pid = start_child();
	if (!pid) {
		swap_fork(FORK_CHILD);
		swap_service_start(-1);
		for (size_t i = 0; i < NR / 2; i++) {
			int err =
				load_with(coder, swp[i], kind_of(i), salt + i);

			assert_true(!err || err == -EIO);
			lost += err != 0;
		}
		assert_int_equal(lost, counts().file_pages);
		free_all(0, NR / 2);
		assert_int_equal(counts().pages, 0);
		assert_int_equal(counts().file_bytes, 0);
		store_all(0, NR / 2);
		check_all(0, NR / 2);
		end_child();
	}
	swap_fork(FORK_PARENT);
	assert_int_equal(child_status(pid), 0);
	check_all(0, NR / 2);
}

/* ---- at the same time ---- */

static uint32_t stop;

/* What swapd does, to the upper half. */
static void *churn(void *arg)
{
	rnd_state = (uintptr_t)arg;
	for (size_t i = 0; !READ_ONCE(stop); i++) {
		size_t j = NR / 2 + rnd() % (NR / 2);

		if (rnd() % 2)
			swap_free_later(swp[j]);
		else
			swap_free(swp[j]);
		swp[j] = store_page(kind_of(j), salt + j);
		if (i % 20 == 0)
			swap_balance(coder, true);
		if (i % 1000 == 0)
			settle();
	}
	return NULL;
}

static void *load_lower(void *arg)
{
	struct swap_coder *c = swap_coder_new(false);
	uintptr_t errors = 0;

	rnd_state = (uintptr_t)arg;
	while (!READ_ONCE(stop)) {
		size_t i = rnd() % (NR / 2);

		errors += load_with(c, swp[i], kind_of(i), salt + i) != 0;
	}
	return (void *)errors;
}

static void forks_and_loads_go_on_while_the_store_changes(void)
{
	pthread_t threads[2];
	void *errors = NULL;

	start();
	store_all(0, NR);
	pthread_create(&threads[0], NULL, churn, (void *)(rnd() | 1));
	pthread_create(&threads[1], NULL, load_lower, (void *)(rnd() | 1));
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork_store();

		if (!pid) {
			check_all(0, NR / 2);
			for (size_t j = 0; j < NR / 2; j++)
				swap_free_later(swp[j]);
			balance();
			memset(swp, 0, sizeof(swp));
			store_all(0, NR / 4);
			balance();
			check_all(0, NR / 4);
			end_child();
		}
		if (i % 4 == 0)
			kill(pid, SIGKILL);
		else
			assert_int_equal(child_status(pid), 0);
	}
	WRITE_ONCE(stop, 1);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], &errors);
	assert_null(errors);
	check_all(0, NR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(a_child_has_what_the_parent_freed),
		CHILD_TEST(what_a_killed_child_had_is_freed),
		CHILD_TEST(a_full_file_is_swept_at_once),
		CHILD_TEST(more_children_than_members),
		CHILD_TEST(grandchildren_outlive_everybody),
		CHILD_TEST(a_child_from_before_the_file_makes_its_own),
		CHILD_TEST(a_child_without_the_file_knows_it),
		CHILD_TEST(forks_and_loads_go_on_while_the_store_changes),
	};

	seed_rnd("swap_family_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
