// SPDX-License-Identifier: MIT
/*
 * advice.c - what a program says of its memory, and locks that lie in it
 */
#include <linux/futex.h>
#include <sys/syscall.h>

#include "torture.h"

/* ---- locked, pinned, not to be swapped: it must stay ---- */

static bool all_resident(const void *p, size_t len)
{
	unsigned char in[256];

	if (mincore((void *)(uintptr_t)p, len, in))
		return false;
	for (size_t i = 0; i < len / UNIT; i++)
		if (!(in[i] & 1))
			return false;
	return true;
}

#define MAX_STAY (256 * UNIT)

static void expect_to_stay(struct range *r, const char *what)
{
	const char *p = r->b->p + r->off;

	for (int i = 0; i < 3; i++) {
		if (!all_resident(p, r->len))
			fail("%s: %zu bytes at %p are not all in memory", what,
			     r->len, (const void *)p);
		usleep(1000);
	}
	verify_bytes(r->b, r->off, r->len);
}

static void write_again(struct range *r)
{
	block_begin(r->b);
	block_write(r->b, r->off / UNIT, r->len / UNIT);
	block_end(r->b);
}

void op_mlock(struct worker *w)
{
	struct range r = page_range(w, MAX_STAY);
	char *p;

	if (!r.b)
		return;
	p = r.b->p + r.off;
	if (mlock(p, r.len)) {
		fail("mlock: errno %d", errno);
		return;
	}
	expect_to_stay(&r, "mlock");
	write_again(&r);
	expect_to_stay(&r, "mlock, written");
	munlock(p, r.len);
	count_op("mlock");
}

void op_pin(struct worker *w)
{
	struct range r = page_range(w, MAX_STAY);
	struct mm_page_info info;
	char *p;
	int err;

	if (!r.b || !mm.pin)
		return;
	p = r.b->p + r.off;
	err = mm.pin(p, r.len);
	if (err) {
		fail("mm_pin: %d", err);
		return;
	}
	mm.query(p + pick(w, r.len), &info);
	if (info.state != MM_PAGE_PINNED)
		fail("mm_pin: the page's state is %d", info.state);
	expect_to_stay(&r, "mm_pin");
	write_again(&r);
	err = mm.unpin(p, r.len);
	if (err)
		fail("mm_unpin: %d", err);
	verify_bytes(r.b, r.off, r.len);
	count_op("mm_pin");
}

void op_noswap(struct worker *w)
{
	struct range r = page_range(w, MAX_STAY);
	char *p;
	int err;

	if (!r.b || r.b->class != MEDIUM || !mm.advise)
		return;
	p = r.b->p + r.off;
	err = mm.advise(p, r.len, MM_NOSWAP);
	if (err)
		fail("mm_advise: %d", err);
	expect_to_stay(&r, "MM_NOSWAP");
	/* until it is freed, whatever else is said of it */
	mm.advise(p, r.len, pick(w, 2) ? MM_HOT : MM_COLD);
	expect_to_stay(&r, "MM_NOSWAP, then hot or cold");
	if (mm.pin && !mm.pin(p, r.len))
		mm.unpin(p, r.len);
	expect_to_stay(&r, "MM_NOSWAP, then a pin");
	block_begin(r.b);
	block_drop(w, r.b);
	block_end(r.b);
}

void op_advise(struct worker *w)
{
	struct range r = page_range(w, LARGE_MAX);
	int err;

	if (!r.b || !mm.advise)
		return;
	err = mm.advise(r.b->p + r.off, r.len, pick(w, 4) ? MM_COLD : MM_HOT);
	if (err)
		fail("mm_advise: %d", err);
	if (pick(w, 4))
		verify_bytes(r.b, r.off, r.len);
	if (pick(w, 32) == 0)
		mm.reclaim(pick(w, 64 * MIB));
}

/* ---- huge pages, protection ---- */

void op_huge(struct worker *w)
{
	struct range r = page_range(w, LARGE_MAX);
	char *p;

	if (!r.b)
		return;
	p = r.b->p + r.off;
	/* where there are none it fails, and that is all right */
	madvise(p, r.len, MADV_HUGEPAGE);
	if (pick(w, 2))
		madvise(p, r.len, 25 /* MADV_COLLAPSE */);
	verify_bytes(r.b, r.off, r.len);
	write_again(&r);
	madvise(p, r.len, MADV_NOHUGEPAGE);
	verify_bytes(r.b, r.off, r.len);
	count_op("huge");
}

void op_protect(struct worker *w)
{
	struct range r = page_range(w, 4 * MIB);
	char *p;

	if (!r.b)
		return;
	p = r.b->p + r.off;
	block_begin(r.b);
	if (mprotect(p, r.len, PROT_READ))
		fail("mprotect: errno %d", errno);
	verify_bytes(r.b, r.off, r.len);
	if (mm.advise && pick(w, 2))
		mm.advise(p, r.len, MM_COLD);
	else
		usleep(1000);
	verify_bytes(r.b, r.off, r.len);
	if (mprotect(p, r.len, PROT_READ | PROT_WRITE))
		fail("mprotect back: errno %d", errno);
	block_write(r.b, r.off / UNIT, r.len / UNIT);
	block_end(r.b);
	verify_bytes(r.b, r.off, r.len);
	count_op("mprotect");
}

/* ---- locks in heap memory, with what they guard on another page ---- */

#define NR_GATES 8
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	uint64_t a;
	uint32_t word;
	char space[3 * UNIT];
	uint64_t b;
};
static struct gate *gates[NR_GATES];
static uint64_t passed;

void advice_init(void)
{
	for (int i = 0; i < NR_GATES; i++) {
		gates[i] = calloc(1, sizeof(struct gate));
		pthread_mutex_init(&gates[i]->mutex, NULL);
		pthread_cond_init(&gates[i]->cond, NULL);
	}
}

void advice_result(void)
{
	uint64_t a = 0, b = 0;

	for (int i = 0; i < NR_GATES; i++) {
		a += gates[i]->a;
		b += gates[i]->b;
	}
	if (a != passed || b != passed)
		fail("the mutexes let %zu and %zu pass, not %zu", (size_t)a,
		     (size_t)b, (size_t)passed);
}

void op_mutex(struct worker *w)
{
	struct timespec t;

	for (int i = 0; i < 50; i++) {
		struct gate *g = gates[pick(w, NR_GATES)];
		int err = pthread_mutex_lock(&g->mutex);

		if (err)
			fail("pthread_mutex_lock: %d", err);
		if (g->a != g->b)
			fail("a mutex in the heap: %zu and %zu", (size_t)g->a,
			     (size_t)g->b);
		g->a++;
		if (pick(w, 16) == 0) {
			g->b++;
			clock_gettime(CLOCK_REALTIME, &t);
			t.tv_nsec += 1000000;
			t.tv_sec += t.tv_nsec / 1000000000;
			t.tv_nsec %= 1000000000;
			err = pthread_cond_timedwait(&g->cond, &g->mutex, &t);
			if (err && err != ETIMEDOUT)
				fail("pthread_cond_timedwait: %d", err);
		} else {
			g->b++;
			pthread_cond_signal(&g->cond);
		}
		pthread_mutex_unlock(&g->mutex);
		__atomic_add_fetch(&passed, 1, __ATOMIC_RELAXED);
	}
}

void op_futex(struct worker *w)
{
	struct gate *g = gates[pick(w, NR_GATES)];
	struct timespec t = { .tv_nsec = 2000000 };
	int private = pick(w, 2) ? FUTEX_PRIVATE_FLAG : 0;
	uint32_t v;

	if (pick(w, 2)) {
		v = __atomic_load_n(&g->word, __ATOMIC_ACQUIRE);
		if (syscall(SYS_futex, &g->word, FUTEX_WAIT | private, v, &t,
			    NULL, 0) &&
		    errno != EAGAIN && errno != ETIMEDOUT && errno != EINTR)
			fail("FUTEX_WAIT: errno %d", errno);
	} else {
		__atomic_add_fetch(&g->word, 1, __ATOMIC_RELEASE);
		if (syscall(SYS_futex, &g->word, FUTEX_WAKE | private, 8, NULL,
			    NULL, 0) < 0)
			fail("FUTEX_WAKE: errno %d", errno);
	}
	count_op("futex");
}

/* ---- threads that come and go ---- */

#define NR_PASSED 64

static void *short_life(void *arg)
{
	char **out = arg;

	for (size_t i = 0; i < 2 * NR_PASSED; i++) {
		size_t n = 64 + i * 97;
		char *p = malloc(n);

		if (!p)
			return NULL;
		pattern_fill(p, n, i);
		if (i % 2 == 0) {
			out[i / 2] = p;
			continue;
		}
		free(p);
	}
	return arg;
}

void op_thread(struct worker *w)
{
	char *out[2][NR_PASSED] = { 0 };
	pthread_t t[2];
	void *done;

	(void)w;
	for (int i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, short_life, out[i])) {
			fail("pthread_create: errno %d", errno);
			return;
		}
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], &done);
		if (!done)
			fail("a thread had no memory");
		for (size_t j = 0; j < NR_PASSED; j++) {
			size_t n = 64 + 2 * j * 97;

			if (out[i][j] && !pattern_intact(out[i][j], n, 2 * j))
				fail("a thread's block is damaged");
			free(out[i][j]);
		}
	}
	count_op("thread");
}

/* ---- stdio, whose streams and buffers are in the heap ---- */

#define NR_STREAMS 24

void op_streams(struct worker *w)
{
	static __thread FILE *f[NR_STREAMS];
	char text[100];

	for (int i = 0; i < NR_STREAMS; i++) {
		if (!f[i]) {
			f[i] = fopen(i % 2 ? "/dev/zero" : "/dev/null",
				     i % 2 ? "r" : "w");
			if (!f[i])
				fail("fopen: errno %d", errno);
		}
		if (f[i] && i % 2 &&
		    (fread(text, 1, sizeof(text), f[i]) != sizeof(text) ||
		     !all_zero(text, sizeof(text))))
			fail("a stream of zeros has something else");
		if (f[i] && i % 2 == 0 &&
		    fprintf(f[i], "%d %s\n", i, "text") < 0)
			fail("fprintf: errno %d", errno);
		if (f[i] && pick(w, 8) == 0) {
			fclose(f[i]);
			f[i] = NULL;
		}
	}
}
