/* SPDX-License-Identifier: MIT */
/* common.c - parameters, random streams, threads and the report line */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static long seed = 1;

static void set_param(const char *arg, const struct param *params, size_t n)
{
	const char *eq = strchr(arg, '=');
	size_t len = eq ? (size_t)(eq - arg) : 0;
	char *end = NULL;
	long v = eq ? strtol(eq + 1, &end, 10) : -1;

	if (v >= 0 && end != eq + 1 && !*end) {
		for (size_t i = 0; i < n; i++) {
			if (strlen(params[i].name) == len &&
			    !memcmp(params[i].name, arg, len)) {
				*params[i].value = v;
				return;
			}
		}
		if (len == 4 && !memcmp(arg, "seed", 4)) {
			seed = v;
			return;
		}
	}
	fprintf(stderr, "unknown argument %s; parameters: seed=%ld", arg, seed);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %s=%ld", params[i].name, *params[i].value);
	fputc('\n', stderr);
	exit(2);
}

void params_parse(int argc, char **argv, const struct param *params, size_t n)
{
	for (int i = 1; i < argc; i++)
		set_param(argv[i], params, n);
}

struct rng rng_make(uint64_t stream)
{
	struct rng r = { ((uint64_t)seed << 32) ^ (stream + 1) };

	/* Neighbouring streams differ in few bits: run that off. */
	r.state *= 0x9e3779b97f4a7c15ULL;
	r.state |= !r.state;
	for (int i = 0; i < 8; i++)
		rng_next(&r);
	return r;
}

void *xmalloc(size_t size)
{
	void *p = malloc(size);

	if (!p) {
		fprintf(stderr, "out of memory: %zu bytes\n", size);
		exit(3);
	}
	return p;
}

double now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

pthread_t thread_start(void *(*fn)(void *), void *arg)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, fn, arg);

	if (err) {
		fprintf(stderr, "pthread_create: %s\n", strerror(err));
		exit(3);
	}
	return t;
}

void threads_run(void *(*fn)(void *), void *base, size_t size, long n)
{
	pthread_t *t = xmalloc((size_t)n * sizeof(*t));

	for (long i = 0; i < n; i++)
		t[i] = thread_start(fn, (char *)base + (size_t)i * size);
	for (long i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	free(t);
}

double workers_run(void *(*fn)(void *), long n, long times)
{
	struct rng *rng = xmalloc((size_t)n * sizeof(*rng));
	double start;

	for (long i = 0; i < n; i++)
		rng[i] = rng_make((uint64_t)i);
	start = now_seconds();
	for (long t = 0; t < times; t++)
		threads_run(fn, rng, sizeof(*rng), n);
	start = now_seconds() - start;
	free(rng);
	return start;
}

/* Without stdio, whose buffers are allocated by the library under test. */
static long rss_kib(void)
{
	char buf[2048], *p;
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -1;
	buf[n] = 0;
	p = strstr(buf, "Rss:");
	return p ? atol(p + 4) : -1;
}

void report(const char *name, double ops, double seconds)
{
	printf("{\"pattern\": \"%s\", \"seed\": %ld, \"ops\": %.0f, "
	       "\"seconds\": %.6f, \"ns_per_op\": %.3f, "
	       "\"after_kib\": %ld}\n",
	       name, seed, ops, seconds, seconds * 1e9 / ops, rss_kib());
}
