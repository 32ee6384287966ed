// SPDX-License-Identifier: MIT
/*
 * reclaim/pressure.c - how long threads wait for their pages
 *
 * As PSI has it: "some" is time in which a thread waits, "full" that part of it
 * in which no other thread of the program runs. Who serves a touch adds to
 * both; for "full" one touch in SAMPLE is held against the processor time that
 * the program's threads take meanwhile. swapd looks who these are now and then.
 * No locks.
 */
#include "os/os.h"
#include "reclaim/swapd.h"

#define PRESSURE_MS  2000
#define SAMPLE	     17	  /* no power of two: touches come in such numbers */
#define MAX_THREADS  32	  /* the rest counts as idle */
#define LATENCY_STEP 1000 /* ns, of the first step of the histogram */

unsigned fault_latency[NR_LATENCIES];
const unsigned pressure_seconds[NR_AVERAGES] = { 10, 60, 300 };
struct pressure pressure;

static int own_tid[SWAP_THREADS]; /* of the service, and of swapd */
static int tids[MAX_THREADS];	  /* of all, as far as known */
static unsigned nr_tids, nr_stalls;
static uint64_t full_ns;

void stall_own(unsigned i, int tid)
{
	WRITE_ONCE(own_tid[i], tid);
}

static bool is_own(int tid)
{
	for (unsigned i = 0; i < ARRAY_SIZE(own_tid); i++)
		if (READ_ONCE(own_tid[i]) == tid)
			return true;
	return false;
}

bool stall_own_lives(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(own_tid); i++)
		if (os_thread_lives(READ_ONCE(own_tid[i])))
			return true;
	return false;
}

static void find_threads(void)
{
	WRITE_ONCE(nr_tids, os_threads(tids, ARRAY_SIZE(tids)));
}

/* Of all threads but the one that waits. */
static uint64_t others_ns(const struct stall *s)
{
	uint64_t ns = 0;

	for (unsigned i = 0; i < s->nr_tids; i++)
		if (tids[i] != s->tid && !is_own(tids[i]))
			ns += os_cpu_ns(tids[i]);
	return ns;
}

void stall_begin(struct stall *s, int tid)
{
	unsigned nr = __atomic_fetch_add(&nr_stalls, 1, __ATOMIC_RELAXED);

	s->sampled = nr % SAMPLE == 0;
	s->nr_tids = READ_ONCE(nr_tids);
	s->tid = tid;
	if (s->sampled)
		s->others_ns = others_ns(s);
	s->start_ns = os_clock_ns();
}

void stall_end(const struct stall *s)
{
	uint64_t ns = os_clock_ns() - s->start_ns, ran;
	unsigned i = 0;

	for (uint64_t t = LATENCY_STEP; i < NR_LATENCIES - 1 && ns > t;
	     t += t / 4)
		i++;
	__atomic_add_fetch(&fault_latency[i], 1, __ATOMIC_RELAXED);
	stat_add_global(STAT_swp_wait_us, (ns + 500) / 1000);
	if (!s->sampled)
		return;
	ran = others_ns(s) - s->others_ns;
	__atomic_add_fetch(&full_ns, (ns - min_size(ns, ran)) * SAMPLE,
			   __ATOMIC_RELAXED);
}

uint64_t fault_latency_ns(unsigned step)
{
	uint64_t t = LATENCY_STEP;

	while (step--)
		t += t / 4;
	return t;
}

/* Averages that forget exponentially, as those of the kernel do. */
static void average(struct pressure_line *l, uint64_t total_us, uint64_t ms)
{
	long share = (long)min_size((total_us - l->total_us) * 10 / ms, 10000);

	for (unsigned i = 0; i < NR_AVERAGES; i++) {
		uint64_t window_ms = pressure_seconds[i] * 1000UL;
		long avg = l->avg[i];

		avg += (share - avg) * (long)ms / (long)(window_ms + ms);
		WRITE_ONCE(l->avg[i], (unsigned)avg);
	}
	WRITE_ONCE(l->total_us, total_us);
}

void pressure_note(void)
{
	static uint64_t last_ms;
	uint64_t now = os_clock_ms(), ms = now - last_ms;
	uint64_t some = READ_ONCE(mm_global_counters.n[STAT_swp_wait_us]);
	uint64_t full = READ_ONCE(full_ns) / 1000;

	if (ms < PRESSURE_MS)
		return;
	/* a sample stands for others that may have been shorter */
	full = min_size(full,
			pressure.full.total_us + some - pressure.some.total_us);
	find_threads();
	average(&pressure.some, some, ms);
	average(&pressure.full, full, ms);
	last_ms = now;
}
