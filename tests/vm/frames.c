/* SPDX-License-Identifier: MIT */
/*
 * frames.c - does a DMA block stay where it is while memory is short?
 *
 * A block is registered with the kernel for I/O, and read into by its fixed
 * buffer. Then malloc takes all of the machine's memory but a little, gives it
 * back, and a child is forked: all pages of the block have to be in the same
 * frames as before, and the device has to find them there. Needs root.
 *
 * "frames plain" is a control: of any other block a forked child has a copy.
 */
#include <sys/wait.h>
#if HAVE_LIBURING
#include <liburing.h>
#endif

#include "check.h"
#include "mm/mm.h"

#define PAGE	 ((size_t)4096)
#define NR_PAGES 64
#define SIZE	 (NR_PAGES * PAGE)
#define PIECE	 (256 * KIB)
#define RESERVE	 (12 * MIB)

static __typeof__(mm_alloc_zone) *alloc_zone;
static __typeof__(mm_trim) *trim;
static uint64_t frame[NR_PAGES];

static uint64_t frame_of(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	CHECK(pread(fd, &entry, 8, (off_t)((uintptr_t)p / PAGE * 8)) == 8);
	close(fd);
	/* bit 63: present */
	return entry >> 63 ? entry & ((1ul << 55) - 1) : 0;
}

static void look_at_frames(const char *p)
{
	for (size_t i = 0; i < NR_PAGES; i++) {
		frame[i] = frame_of(p + i * PAGE);
		CHECK(frame[i]);
	}
}

static void frames_are_the_same(const char *p)
{
	for (size_t i = 0; i < NR_PAGES; i++)
		CHECK(frame_of(p + i * PAGE) == frame[i]);
}

static void use_all_memory(void)
{
	char *last = NULL;

	while (proc_number("/proc/meminfo", "MemAvailable") * KIB > RESERVE) {
		char *p = malloc(PIECE);

		memset(p, 1, PIECE);
		*(char **)p = last;
		last = p;
	}
	while (last) {
		char *next = *(char **)last;

		free(last);
		last = next;
	}
	trim(0);
}

static int new_file(uint64_t seed)
{
	static char text[SIZE];
	int fd = open("frames.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);

	pattern_fill(text, SIZE, seed);
	CHECK(write(fd, text, SIZE) == (ssize_t)SIZE);
	return fd;
}

#if HAVE_LIBURING
static struct io_uring ring;

static void start_io(char *p)
{
	struct iovec whole = { p, SIZE };

	CHECK(io_uring_queue_init(8, &ring, 0) == 0);
	CHECK(io_uring_register_buffers(&ring, &whole, 1) == 0);
}

static void read_by_device(int fd, char *p)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	struct io_uring_cqe *cqe;

	io_uring_prep_read_fixed(sqe, fd, p, SIZE, 0, 0);
	CHECK(io_uring_submit(&ring) == 1);
	CHECK(io_uring_wait_cqe(&ring, &cqe) == 0 && cqe->res == (int)SIZE);
	io_uring_cqe_seen(&ring, cqe);
}
#else
static void start_io(char *p)
{
	(void)p;
	puts("built without liburing: read(2) instead");
}

static void read_by_device(int fd, char *p)
{
	CHECK(pread(fd, p, SIZE, 0) == (ssize_t)SIZE);
}
#endif

static void io_reaches(char *p, uint64_t seed)
{
	int fd = new_file(seed);

	read_by_device(fd, p);
	CHECK(pattern_intact(p, SIZE, seed));
	close(fd);
}

int main(int argc, char **argv)
{
	int plain = argc > 1 && !strcmp(argv[1], "plain");
	char *p;
	int status;

	*(void **)&alloc_zone = mm_symbol("mm_alloc_zone");
	*(void **)&trim = mm_symbol("mm_trim");
	if (!alloc_zone || !trim)
		return 1;
	p = plain ? alloc_zone(SIZE, MM_ZONE_HIGHMEM, 0)
		  : alloc_zone(SIZE, MM_ZONE_DMA, MM_DONTFORK);
	memset(p, 1, SIZE);
	look_at_frames(p);
	start_io(p);
	io_reaches(p, 1);
	use_all_memory();
	frames_are_the_same(p);
	io_reaches(p, 2);
	if (!fork()) {
		sleep(1);
		_exit(!all_zero(p, SIZE));
	}
	/* a page that a child could see would be copied now */
	memset(p, 1, SIZE);
	io_reaches(p, 3);
	frames_are_the_same(p);
	CHECK(wait(&status) > 0 && status == 0);
	free(p);
	printf("%d pages stayed\n", NR_PAGES);
	return check_result();
}
