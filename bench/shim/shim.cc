/* SPDX-License-Identifier: MIT */
/* shim.cc - the few calls of Google Benchmark that C programs need */
#include <benchmark/benchmark.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "shim.h"

struct bench {
	benchmark::State &state;
};

namespace
{

/* A field of /proc/self/status in KiB, or 0; no stdio, which allocates. */
double status_kib(const char *field)
{
	char buf[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);
	const char *p;

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strstr(buf, field);
	return p ? atof(p + strlen(field)) : 0;
}

/* Lets VmHWM start again from the present RSS. */
void reset_peak()
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "5", 1) != 1)
		abort();
	close(fd);
}

void run(benchmark::State &state, void (*fn)(struct bench *b))
{
	struct bench b = { state };
	struct rusage before, after;

	reset_peak();
	getrusage(RUSAGE_SELF, &before);
	fn(&b);
	getrusage(RUSAGE_SELF, &after);
	state.counters["peak_kib"] = status_kib("VmHWM:");
	state.counters["after_kib"] = status_kib("VmRSS:");
	state.counters["faults"] = (double)(after.ru_minflt - before.ru_minflt);
}

} // namespace

void bench_add(const char *name, void (*fn)(struct bench *b), long arg)
{
	benchmark::RegisterBenchmark(name, run, fn)
		->Arg(arg)
		->MeasureProcessCPUTime()
		->UseRealTime();
}

long bench_arg(const struct bench *b)
{
	return b->state.range(0);
}

bool bench_loop(struct bench *b, long ops)
{
	return b->state.KeepRunningBatch(ops);
}

void bench_pause(struct bench *b)
{
	b->state.PauseTiming();
}

void bench_resume(struct bench *b)
{
	b->state.ResumeTiming();
}

void bench_fail(struct bench *b, const char *why)
{
	b->state.SkipWithError(why);
}

int bench_main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;
	return benchmark::RunSpecifiedBenchmarks() ? 0 : 1;
}
