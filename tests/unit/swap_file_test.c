// SPDX-License-Identifier: MIT
/*
 * swap: the store with a file, and what can go wrong with one
 */
#include "capture.h"
#include "swap_file_test.h"

static bool file_has(int fd, const char *text)
{
	static char buf[CLUSTER_BYTES + 1];

	for (off_t at = 0;; at += (off_t)CLUSTER_BYTES) {
		ssize_t n = pread(fd, buf, CLUSTER_BYTES, at);

		assert_true(n >= 0);
		if (!n)
			return false;
		if (memmem(buf, (size_t)n, text, strlen(text)))
			return true;
	}
}

/* ---- there and back ---- */

static void spill_and_load(bool crypt)
{
	int fd;

	config.crypt = crypt;
	start();
	store_all(0, NR);
	balance();
	assert_true(counts().file_pages > NR / 2);
	assert_true(swap_pool_bytes() <= MIB(2));
	check_all(0, NR);
	fd = file_of();
	assert_true(fd >= 0);
	/* LZ4 leaves the words as they are where they are first met */
	assert_int_equal(file_has(fd, MARKER), !crypt);
	assert_true(file_blocks(fd) >= counts().file_bytes * 9 / 10);
	free_all(0, NR);
	assert_int_equal(counts().pages, 0);
	assert_int_equal(counts().file_pages, 0);
	assert_int_equal(counts().file_bytes, 0);
	assert_true(file_blocks(fd) <= KIB(64));
}

static void pages_come_back_from_the_file(void)
{
	spill_and_load(false);
}

static void nothing_can_be_read_in_the_file(void)
{
	spill_and_load(true);
}

static void replace_one(void)
{
	size_t i = rnd() % NR;

	swap_free_later(swp[i]);
	swp[i] = store_page(kind_of(i), salt + i);
}

static void pages_come_and_go_through_the_file(void)
{
	start();
	store_all(0, NR);
	for (size_t i = 0; i < 30000; i++) {
		replace_one();
		if (i % 100 == 0)
			swap_balance(coder, true);
		if (i % 3000 == 0)
			settle();
	}
	balance();
	check_all(0, NR);
	free_all(0, NR);
	assert_int_equal(counts().coded_bytes, 0);
	assert_int_equal(counts().file_bytes, 0);
}

/* Of every cluster some pages live on, so none is freed by itself. */
static void a_file_of_holes_shrinks(void)
{
	const size_t slack = 17 * CLUSTER_BYTES;
	size_t before;

	start();
	store_all(0, NR);
	balance();
	before = counts().file_bytes;
	for (size_t i = 0; i < NR; i++)
		if (i % 8 != 1) {
			swap_free(swp[i]);
			swp[i] = 0;
		}
	assert_true(counts().file_bytes > before * 3 / 4);
	for (unsigned ms = 0; ms < 10000 && counts().file_bytes > slack; ms++) {
		balance();
		usleep(1000);
	}
	assert_true(counts().file_bytes <= slack);
	assert_true(before > 2 * slack);
	check_all(0, NR);
	free_all(0, NR);
	assert_int_equal(counts().file_bytes, 0);
	assert_int_equal(counts().coded_bytes, 0);
	assert_int_equal(counts().zstd_pages, 0);
}

/* It is larger than what lives in it, so there is always room. */
static void a_file_does_not_fill_up_with_dead_pages(void)
{
	start();
	store_all(0, NR);
	balance();
	swap_config.file_max = counts().file_bytes / 2 * 3;
	for (size_t i = 0; i < 100000; i++) {
		replace_one();
		if (i % 16 == 0)
			swap_balance(coder, false);
	}
	assert_int_equal(counts().errors, 0);
	check_all(0, NR);
}

/* ---- what can go wrong ---- */

static swp_t one_in_file(size_t *nr, uint64_t *at)
{
	for (size_t i = 0; i < NR; i++) {
		uint64_t word = slot_word((uint32_t)swp[i]);
		const struct cluster *cl = cluster_at(word_cluster(word));

		if (cl->where != IN_FILE || rnd() % 8)
			continue;
		*nr = i;
		*at = cl->place * CLUSTER_BYTES + word_offset(word);
		return swp[i];
	}
	fail();
	return 0;
}

static void a_flipped_bit_in_the_file_is_found(void)
{
	int fd;

	config.crypt = rnd() % 2;
	start();
	store_all(0, NR);
	fd = file_of();
	for (int n = 0; n < 300; n++) {
		uint64_t at = 0;
		size_t i = 0, bytes;
		swp_t s = one_in_file(&i, &at);
		char was, is;

		bytes = sizeof(struct entry) +
			word_bytes(slot_word((uint32_t)s));
		at += rnd() % bytes;
		assert_int_equal(pread(fd, &was, 1, (off_t)at), 1);
		is = was ^ (char)(1 << rnd() % 8);
		assert_int_equal(pwrite(fd, &is, 1, (off_t)at), 1);
		assert_int_equal(load_with(coder, s, kind_of(i), salt + i),
				 -EBADMSG);
		assert_int_equal(pwrite(fd, &was, 1, (off_t)at), 1);
		check_page(s, kind_of(i), salt + i);
	}
}

static void a_file_cut_off_is_an_error(void)
{
	size_t bad = 0;
	int fd;

	start();
	store_all(0, NR);
	fd = file_of();
	assert_int_equal(ftruncate(fd, (off_t)CLUSTER_BYTES / 2), 0);
	for (size_t i = 0; i < NR; i++) {
		int err = load_with(coder, swp[i], kind_of(i), salt + i);

		assert_true(err == 0 || err == -EIO || err == -EBADMSG);
		bad += err != 0;
	}
	assert_true(bad > NR / 4);
	assert_true(counts().errors > 0);
}

/* Store until nothing fits; what is there must stay. */
static size_t store_until_full(void)
{
	char page[PAGE_SIZE];
	size_t nr = 0;

	for (;; nr++) {
		int err;

		assert_true(nr < NR);
		make_page(page, kind_of(nr), salt + nr);
		err = swap_store(coder, page, SWAP_ALWAYS, &swp[nr]);
		if (err) {
			assert_int_equal(err, -ENOSPC);
			swp[nr] = 0;
			return nr;
		}
	}
}

static void full_with_one_line(const char *word)
{
	const char *said;
	size_t nr;

	capture_begin();
	nr = store_until_full();
	for (int i = 0; i < 100; i++)
		swap_balance(coder, true);
	assert_false(swap_room());
	said = capture_end();
	print_message("%zu pages: %s", nr, said);
	assert_non_null(strstr(said, "mm: "));
	assert_non_null(strstr(said, word));
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	assert_true(nr > 500);
	check_all(0, nr);
	free_all(0, nr / 2);
	assert_true(swap_room());
	check_all(nr / 2, nr);
	store_all(0, 10);
	check_all(0, 10);
}

static void without_a_directory(void)
{
	config.dir = "/nowhere/at/all";
	start();
	full_with_one_line("/nowhere/at/all");
	assert_int_equal(counts().file_pages, 0);
}

static void in_a_directory_of_the_kernel(void)
{
	config.dir = "/proc";
	start();
	full_with_one_line("swap_dir");
	assert_int_equal(counts().file_pages, 0);
}

static void in_a_directory_of_others(void)
{
	char dir[] = "/var/tmp/mm-swap-test-XXXXXX";

	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0500), 0);
	if (!geteuid() && seteuid(65534))
		child_skip("root, and cannot be another");
	config.dir = dir;
	start();
	full_with_one_line(dir);
	if (!getuid())
		assert_int_equal(seteuid(0), 0);
	rmdir(dir);
}

static void with_small_files_only(void)
{
	struct rlimit rl = { MIB(1), MIB(1) };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	start();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
	full_with_one_line("ulimit -f");
	assert_int_equal(counts().spilled, MIB(1) / CLUSTER_BYTES);
}

static void with_a_small_file(void)
{
	config.file_max = MIB(1);
	start();
	full_with_one_line("raise swap");
	assert_int_equal(counts().spilled, MIB(1) / CLUSTER_BYTES);
}

static void on_a_full_disk(void)
{
	config.disk_min = SIZE_MAX / 2;
	start();
	full_with_one_line("full");
	assert_int_equal(counts().file_pages, 0);
}

static void without_a_file_nothing_is_said(void)
{
	size_t nr;

	config.file_max = 0;
	start();
	capture_begin();
	nr = store_until_full();
	assert_string_equal(capture_end(), "");
	check_all(0, nr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHILD_TEST(pages_come_back_from_the_file),
		CHILD_TEST(nothing_can_be_read_in_the_file),
		CHILD_TEST(pages_come_and_go_through_the_file),
		CHILD_TEST(a_file_of_holes_shrinks),
		CHILD_TEST(a_file_does_not_fill_up_with_dead_pages),
		CHILD_TEST(a_flipped_bit_in_the_file_is_found),
		CHILD_TEST(a_file_cut_off_is_an_error),
		CHILD_TEST(without_a_directory),
		CHILD_TEST(in_a_directory_of_the_kernel),
		CHILD_TEST(in_a_directory_of_others),
		CHILD_TEST(with_small_files_only),
		CHILD_TEST(with_a_small_file),
		CHILD_TEST(on_a_full_disk),
		CHILD_TEST(without_a_file_nothing_is_said),
	};

	seed_rnd("swap_file_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
