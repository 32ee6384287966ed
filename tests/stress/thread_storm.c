/* SPDX-License-Identifier: MIT */
/*
 * thread_storm.c [threads] - threads come, pass blocks on, and go
 *
 * Every thread leaves blocks behind that later threads free, some of which
 * never allocate at all. Destructors of thread-specific data, armed anew as
 * often as the libc allows, and of thread_local objects free and allocate
 * when the thread is all but gone. Memory and heaps must not pile up.
 */
#include <limits.h>
#include <pthread.h>

#include "check.h"
#include "identities.h"

#define NR_SLOTS    2048
#define NR_AT_ONCE  32
#define NR_OWN	    64
#define KEEP_AT_END (32 * MIB)

/* What C++ compilers call for a thread_local object with a destructor. */
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;

static char *slots[NR_SLOTS];
static pthread_key_t key;

/* A block's first byte says what the rest of its 64 bytes hold. */
static char *make_block(uint64_t *rnd)
{
	size_t n = 64 + random_next(rnd) % (64 << random_next(rnd) % 9);
	char *p = malloc(n);

	CHECK(p);
	memset(p, (int)n, 64);
	return p;
}

static void free_block(char *p)
{
	if (p)
		CHECK(!memcmp(p, p + 1, 63));
	free(p);
}

static char *swapped(uint64_t *rnd, char *p)
{
	return __atomic_exchange_n(&slots[random_next(rnd) % NR_SLOTS], p,
				   __ATOMIC_ACQ_REL);
}

/* ThreadSanitizer's own state ends with the first round of destructors. */
#ifdef __SANITIZE_THREAD__
#define ROUNDS 1
#else
#define ROUNDS PTHREAD_DESTRUCTOR_ITERATIONS
#endif

static void key_destructor(void *p)
{
	static __thread int rounds;
	uint64_t rnd = (uintptr_t)p | 1;

	free_block(p);
	free_block(swapped(&rnd, make_block(&rnd)));
	if (++rounds < ROUNDS)
		pthread_setspecific(key, make_block(&rnd));
}

static void object_destructor(void *p)
{
	uint64_t rnd = (uintptr_t)p | 1;

	free_block(p);
	free_block(swapped(&rnd, NULL));
}

static void *only_frees(uint64_t rnd)
{
	int i;

	for (i = 0; i < NR_OWN; i++)
		free_block(swapped(&rnd, NULL));
	return NULL;
}

static void *come_and_go(void *arg)
{
	uintptr_t nr = (uintptr_t)arg;
	uint64_t rnd = (nr + 1) * 0x9e3779b97f4a7c15u;
	char *own[NR_OWN];
	int i;

	if (nr % 4 == 3)
		return only_frees(rnd);
	for (i = 0; i < NR_OWN; i++)
		own[i] = make_block(&rnd);
	if (nr % 4 == 1)
		pthread_setspecific(key, make_block(&rnd));
	if (nr % 4 == 2)
		__cxa_thread_atexit_impl(object_destructor, make_block(&rnd),
					 &__dso_handle);
	for (i = 0; i < NR_OWN; i++)
		free_block(i % 2 ? own[i] : swapped(&rnd, own[i]));
	return NULL;
}

static void wave(uintptr_t first)
{
	pthread_t t[NR_AT_ONCE];
	uintptr_t i;

	for (i = 0; i < NR_AT_ONCE; i++)
		CHECK(!pthread_create(&t[i], NULL, come_and_go,
				      (void *)(first + i)));
	for (i = 0; i < NR_AT_ONCE; i++)
		pthread_join(t[i], NULL);
}

static void check_left_over(size_t rss)
{
	struct mm_stats st;

	if (rss_bytes() > rss + KEEP_AT_END)
		fprintf(stderr, "RSS %zu KiB -> %zu KiB\n", rss / KIB,
			rss_bytes() / KIB);
	CHECK(rss_bytes() <= rss + KEEP_AT_END);
	if (!find_mm_stats())
		return;
	check_identities(&st);
	CHECK(st.nr_heaps <= 4 * NR_AT_ONCE);
	CHECK(st.requested < MIB);
}

int main(int argc, char **argv)
{
	uintptr_t nr = argc > 1 ? strtoul(argv[1], NULL, 0) : 10000, i;
	size_t rss;

	pthread_key_create(&key, key_destructor);
	wave(0);
	rss = rss_bytes();
	for (i = 1; i * NR_AT_ONCE < nr; i++)
		wave(i * NR_AT_ONCE);
	for (i = 0; i < NR_SLOTS; i++)
		free_block(slots[i]);
	check_left_over(rss);
	return check_result();
}
