/* SPDX-License-Identifier: MIT */
/*
 * dlopen.c LIBMM [rounds] - loads and unloads libmm under live threads
 *
 * The program's heap stays the libc's; libmm's is reached through dlsym().
 * Threads older than the first dlopen() use it at once, and exit after the
 * last dlclose(): nothing they then run may be gone.
 */
#include <pthread.h>

#include "check.h"

#define NR_THREADS 4

struct heap {
	void *(*get)(size_t);
	void (*put)(void *);
};

static struct heap heap;
static int ready, stop;

static void use(const struct heap *h, uint64_t *rnd)
{
	size_t n = 1 + random_next(rnd) % ((size_t)64 << random_next(rnd) % 12);
	char *p = h->get(n);

	CHECK(p);
	pattern_fill(p, n, n);
	CHECK(pattern_intact(p, n, n));
	h->put(p);
}

static void *user(void *arg)
{
	uint64_t rnd = (uintptr_t)arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		free(malloc(100));
		if (__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
			use(&heap, &rnd);
	}
	return NULL;
}

static void load_once(const char *path, uint64_t *rnd)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	struct heap h;

	if (!lib) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&h.get = dlsym(lib, "malloc");
	*(void **)&h.put = dlsym(lib, "free");
	CHECK(h.get && h.put && dlsym(lib, "mm_version"));
	CHECK((void *)h.get != (void *)malloc);
	use(&h, rnd);
	if (!ready) {
		heap = h;
		__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	}
	CHECK(!dlclose(lib));
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 200, i;
	uint64_t rnd = 1;
	pthread_t t[NR_THREADS];

	if (argc < 2)
		return 2;
	for (i = 0; i < NR_THREADS; i++)
		CHECK(!pthread_create(&t[i], NULL, user,
				      (void *)(uintptr_t)(i + 1)));
	for (i = 0; i < rounds; i++)
		load_once(argv[1], &rnd);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(t[i], NULL);
	return check_result();
}
