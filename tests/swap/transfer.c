// SPDX-License-Identifier: MIT
/*
 * transfer.c - the kernel reads and writes heap memory
 *
 * Each operation sends a part of a block away, overwrites it, has it evicted
 * perhaps, and takes it back: then the block must be as it was.
 */
#include <liburing.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "torture.h"

static const char *directory(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

/* The files a worker sends to; O_DIRECT is asked for where there is any. */
static void open_scratch(struct worker *w)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/torture-XXXXXX", directory());
	fd = mkstemp(path);
	if (fd < 0) {
		perror(path);
		_exit(1);
	}
	w->scratch[0] = fd;
	w->scratch[1] = open(path, O_RDWR | O_CLOEXEC | O_DIRECT);
	unlink(path);
}

static void open_ring(struct worker *w)
{
	struct io_uring *ring = own_memory(sizeof(*ring));

	w->ring = io_uring_queue_init(8, ring, 0) ? NULL : ring;
}

void transfer_init(struct worker *w)
{
	open_scratch(w);
	open_ring(w);
}

/* The parent's files are the parent's; a child's ring is not copied. */
void transfer_after_fork(struct worker *w)
{
	close(w->scratch[0]);
	close(w->scratch[1]);
	w->ring = NULL;
	open_scratch(w);
}

static void evict(struct worker *w, struct range *r)
{
	if (pick(w, 2) && mm.advise && r->b->class != SMALL)
		mm.advise(r->b->p + r->off, r->len, MM_COLD);
	if (pick(w, 4) == 0)
		usleep((useconds_t)pick(w, 3000));
}

static struct range any_range(struct worker *w, size_t max)
{
	struct range r = { .b = live_block(w, pick(w, 2) ? SMALL : MEDIUM) };

	if (!r.b)
		return r;
	r.off = pick(w, r.b->size);
	r.len = 1 + pick(w, r.b->size - r.off);
	if (r.len > max)
		r.len = max;
	return r;
}

static void begin(struct worker *w, struct range *r)
{
	block_begin(r->b);
	evict(w, r);
}

static void end(struct range *r)
{
	block_end(r->b);
	verify_bytes(r->b, r->off, r->len);
}

static void expect(ssize_t n, size_t len, const char *what)
{
	if (n != (ssize_t)len)
		fail("%s: %zd of %zu bytes, errno %d", what, n, len,
		     n < 0 ? errno : 0);
}

/* ---- files ---- */

static void through_file(struct worker *w, int fd, struct range *r)
{
	char *p = r->b->p + r->off;
	off_t off = (off_t)(pick(w, 256) * UNIT);

	begin(w, r);
	expect(pwrite(fd, p, r->len, off), r->len, "pwrite");
	junk(p, r->len);
	evict(w, r);
	expect(pread(fd, p, r->len, off), r->len, "pread");
	end(r);
}

void op_direct(struct worker *w)
{
	struct range r = page_range(w, 1 * MIB);

	if (r.b && w->scratch[1] >= 0) {
		through_file(w, w->scratch[1], &r);
		count_op("direct");
	}
}

void op_file(struct worker *w)
{
	struct range r = any_range(w, 1 * MIB);

	if (r.b)
		through_file(w, w->scratch[0], &r);
}

/* ---- io_uring: the buffer is pinned for as long as it is registered ---- */

static void uring_io(struct worker *w, bool out, struct range *r, off_t off)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(w->ring);
	struct io_uring_cqe *cqe;
	char *p = r->b->p + r->off;
	int err;

	if (out)
		io_uring_prep_write_fixed(sqe, w->scratch[1], p,
					  (unsigned)r->len, (uint64_t)off, 0);
	else
		io_uring_prep_read_fixed(sqe, w->scratch[1], p,
					 (unsigned)r->len, (uint64_t)off, 0);
	io_uring_submit(w->ring);
	/* the device is at it */
	if (mm.advise && pick(w, 2))
		mm.advise(p, r->len, MM_COLD);
	do
		err = io_uring_wait_cqe(w->ring, &cqe);
	while (err == -EINTR);
	if (err) {
		fail("io_uring_wait_cqe: %d", err);
		return;
	}
	if (cqe->res != (int)r->len)
		fail("io_uring %s: %d of %zu bytes", out ? "write" : "read",
		     cqe->res, r->len);
	io_uring_cqe_seen(w->ring, cqe);
}

void op_uring(struct worker *w)
{
	struct range r = page_range(w, 512 * KIB);
	off_t off = (off_t)(pick(w, 256) * UNIT);
	struct iovec iov;
	int err;

	if (!r.b || !w->ring || w->scratch[1] < 0)
		return;
	begin(w, &r);
	iov.iov_base = r.b->p + r.off;
	iov.iov_len = r.len;
	err = io_uring_register_buffers(w->ring, &iov, 1);
	if (err) {
		fail("io_uring_register_buffers: %d", err);
		block_end(r.b);
		return;
	}
	for (int i = 0; i < 3; i++) {
		uring_io(w, true, &r, off);
		junk(iov.iov_base, r.len);
		evict(w, &r);
		uring_io(w, false, &r, off);
		verify_bytes(r.b, r.off, r.len);
	}
	io_uring_unregister_buffers(w->ring);
	end(&r);
	count_op("io_uring");
}

/* ---- pipes and sockets ---- */

static void through_fds(struct worker *w, int in, int out, const char *what)
{
	struct range r = any_range(w, 32 * KIB);
	size_t done = 0;
	char *p;

	if (!r.b)
		return;
	p = r.b->p + r.off;
	begin(w, &r);
	expect(write(in, p, r.len), r.len, what);
	junk(p, r.len);
	evict(w, &r);
	while (done < r.len) {
		ssize_t n = read(out, p + done, r.len - done);

		if (n <= 0) {
			expect(n, r.len - done, what);
			break;
		}
		done += (size_t)n;
	}
	end(&r);
}

static void through_pair(struct worker *w, int err, int fd[2], const char *what)
{
	if (err) {
		fail("%s: errno %d", what, errno);
		return;
	}
	for (int i = 0; i < 4; i++)
		through_fds(w, fd[1], fd[0], what);
	close(fd[0]);
	close(fd[1]);
}

void op_pipe(struct worker *w)
{
	int fd[2], err = pipe2(fd, O_CLOEXEC);

	through_pair(w, err, fd, "pipe");
}

void op_socket(struct worker *w)
{
	int fd[2], err = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd);

	through_pair(w, err, fd, "socket");
}

/* The pipe holds the pages themselves, swapd or not. */
void op_vmsplice(struct worker *w)
{
	struct range r = page_range(w, 8 * UNIT);
	struct iovec iov;
	int fd[2];

	if (!r.b || pipe2(fd, O_CLOEXEC))
		return;
	begin(w, &r);
	iov.iov_base = r.b->p + r.off;
	iov.iov_len = r.len;
	expect(vmsplice(fd[1], &iov, 1, 0), r.len, "vmsplice");
	evict(w, &r);
	verify_bytes(r.b, r.off, r.len);
	expect(read(fd[0], w->outside, r.len), r.len, "read of a splice");
	if (memcmp(w->outside, iov.iov_base, r.len) != 0)
		fail("vmsplice: the pipe had other bytes");
	end(&r);
	close(fd[0]);
	close(fd[1]);
}

/* ---- by the system calls of debuggers ---- */

void op_vm_self(struct worker *w)
{
	struct range r = any_range(w, OUTSIDE);
	struct iovec here, there;

	if (!r.b)
		return;
	here = (struct iovec){ w->outside, r.len };
	there = (struct iovec){ r.b->p + r.off, r.len };
	begin(w, &r);
	expect(process_vm_readv(getpid(), &here, 1, &there, 1, 0), r.len,
	       "process_vm_readv");
	junk(there.iov_base, r.len);
	evict(w, &r);
	if (pick(w, 2))
		expect(process_vm_writev(getpid(), &here, 1, &there, 1, 0),
		       r.len, "process_vm_writev");
	else
		expect(process_vm_readv(getpid(), &there, 1, &here, 1, 0),
		       r.len, "process_vm_readv into the heap");
	end(&r);
	count_op("vm_readv");
}
