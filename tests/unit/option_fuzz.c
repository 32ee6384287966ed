// SPDX-License-Identifier: MIT
/*
 * unit/option_fuzz.c - any bytes whatever as options
 *
 * Checked for each input, read as MM_OPTIONS and as a file: every value stays
 * in its range, every message is one line of printable text, and the view of
 * the options sets the same options again. Lists of nodes are also made along
 * with what they mean, on machines whose nodes are drawn by lot.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DOPTION_LIBFUZZER, run with
 * -close_fd_mask=2. Without: option_fuzz [ROUNDS [SEED]].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "side/option.h"

#define CHECK(c)                                                               \
	do {                                                                   \
		if (!(c)) {                                                    \
			dprintf(1, "option_fuzz: failed: %s\n", #c);           \
			abort();                                               \
		}                                                              \
	} while (0)

/* The machine. The linker prefers this to the one in os/topology.c. */
static unsigned long allowed = 0x2d;

unsigned long os_nodes_allowed(void)
{
	return allowed;
}

struct view {
	size_t len;
	char text[16384]; /* two paths and all the rest */
};

static int scratch_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("scratch", 0);
	CHECK(fd >= 0);
	CHECK(!ftruncate(fd, 0));
	CHECK(!lseek(fd, 0, SEEK_SET));
	return fd;
}

static void take_view(struct view *v)
{
	int fd = scratch_fd();
	struct mm_out o;
	ssize_t n;

	out_init(&o, fd);
	option_print(&o);
	CHECK(!out_flush(&o));
	n = pread(fd, v->text, sizeof(v->text), 0);
	CHECK(n > 0 && (size_t)n < sizeof(v->text));
	v->len = (size_t)n;
}

static void check_values(void)
{
	const struct mm_options *o = &mm_options;

	CHECK(o->numa.word >= NUMA_LOCAL && o->numa.word <= NUMA_FAKE);
	CHECK(o->numa.word == NUMA_FAKE ? o->numa.nr >= 1 && o->numa.nr <= 16
					: o->numa.nr == 0);
	if (o->numa.word == NUMA_INTERLEAVE || o->numa.word == NUMA_PREFER)
		CHECK(o->numa.nodes && !(o->numa.nodes & ~allowed));
	else
		CHECK(!o->numa.nodes);
	CHECK(o->stats.word >= STATS_OFF && o->stats.word <= STATS_JSON);
	CHECK((o->stats.word == STATS_JSON) == (o->stats.text != NULL));
	CHECK(!o->stats.text || strnlen(o->stats.text, 4096) - 1 < 4095);
	CHECK(o->thp.word >= THP_AUTO && o->thp.word <= THP_NEVER);
	CHECK(o->dirty_ratio <= 100);
	CHECK(o->swap_age >= 1 && o->swap_age <= 86400);
	CHECK(!o->swap_dir || strnlen(o->swap_dir, 4096) - 1 < 4095);
}

static void check_messages(int fd, unsigned wrong)
{
	char buf[4096];
	unsigned lines = 0;
	ssize_t n;

	for (off_t at = 0; (n = pread(fd, buf, sizeof(buf), at)) > 0; at += n) {
		for (ssize_t i = 0; i < n; i++) {
			CHECK(buf[i] == '\n' ||
			      (buf[i] >= ' ' && buf[i] < 127));
			lines += buf[i] == '\n';
		}
	}
	CHECK(lines == wrong);
}

typedef unsigned parse_fn(const char *text, size_t len, const char *source);

static void try(parse_fn *parse, const char *text, size_t len)
{
	static struct view before, after;
	int saved = dup(2), fd = scratch_fd();
	unsigned wrong;

	option_defaults();
	dup2(fd, 2);
	wrong = parse(text, len, "MM_OPTIONS");
	dup2(saved, 2);
	close(saved);
	check_messages(fd, wrong);
	check_values();

	take_view(&before);
	option_defaults();
	CHECK(option_parse_conf(before.text, before.len, "view") == 0);
	take_view(&after);
	CHECK(before.len == after.len);
	CHECK(!memcmp(before.text, after.text, before.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a copy of exactly this size, so that ASan sees a read too far */
	char *text = malloc(size + !size);

	CHECK(text);
	memcpy(text, data, size);
	try(option_parse, text, size);
	try(option_parse_conf, text, size);
	free(text);
	return 0;
}

#ifndef OPTION_LIBFUZZER

static uint64_t rng;

/* G. Marsaglia, "Xorshift RNGs", J. Stat. Soft. 8(14), 2003 */
static unsigned below(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)((rng >> 32) % n);
}

static const char *const seeds[] = {
	"numa=fake:4",
	"numa=interleave",
	"numa=interleave:0,2-3,5",
	"numa=prefer:!+0-1,3",
	"numa=prefer:all",
	"check",
	"stats=json:/tmp/x y.json",
	"stats=exit",
	"dirty=64K",
	"dirty_ratio=100",
	"limit=18446744073709551615",
	"limit=16777215T",
	"swap=auto",
	"swap=18446744073709551614",
	"swap_age=24h",
	"swap_age=1440m",
	"swap_age=90s",
	"swap_dir=/tmp/x y,1",
	"swap_dir=",
	"swap_pool=1G",
	"swap_usermode",
	"thp=never",
	"strict=on",
	"verbose=false",
	"help",
	"# comment",
	"swapp=1",
	"=",
	"",
};

/*
 * Write a value that asks for nodes, and find out one by one which: @want is
 * their mask, 0 if the value is wrong.
 */
static const char *make_nodes(char buf[80], unsigned long *want)
{
	bool others = !below(3), relative = !below(3), wrong = false;
	unsigned node[MAX_NODES], nr = 0;
	unsigned long named = 0;
	char *p = buf;

	for (unsigned n = 0; n < MAX_NODES; n++)
		if (allowed >> n & 1)
			node[nr++] = n;
	p += sprintf(p, "numa=%s:%s%s", below(2) ? "prefer" : "interleave",
		     others ? "!" : "", relative ? "+" : "");
	for (unsigned left = 1 + below(3); left--;) {
		unsigned at = below(nr), first = relative ? at : node[at];
		unsigned last = below(8) ? first + below(3) : below(20);

		p += sprintf(p, first == last ? "%u" : "%u-%u", first, last);
		p += sprintf(p, left ? "," : "");
		wrong |= first > last;
		for (unsigned i = first; i <= last; i++) {
			unsigned n = relative && i < nr ? node[i] : i;

			wrong |= (relative && i >= nr) || !(allowed >> n & 1);
			named |= 1UL << n;
		}
	}
	*want = wrong ? 0 : others ? allowed & ~named : named;
	return buf;
}

/* Returns if the value was right. */
static bool try_nodes(void)
{
	unsigned long want;
	char text[80];

	allowed = 1 + below((1U << MAX_NODES) - 1);
	if (below(2))
		allowed = (2UL << below(MAX_NODES)) - 1;
	make_nodes(text, &want);
	try(option_parse, text, strlen(text));
	CHECK(mm_options.numa.nodes == want);
	return want;
}

static size_t make_input(uint8_t *buf, size_t room)
{
	size_t len = 0;

	for (unsigned items = below(6); items--;) {
		const char *s = seeds[below(ARRAY_SIZE(seeds))];
		unsigned long want;
		char nodes[80];

		if (!below(4))
			s = make_nodes(nodes, &want);
		memcpy(buf + len, s, strlen(s));
		len += strlen(s);
		buf[len++] = (uint8_t)(",\n"[below(2)]);
	}
	for (unsigned edits = below(8); len && edits--;) {
		size_t at = below((unsigned)len);

		switch (below(4)) {
		case 0: /* any byte */
			buf[at] = (uint8_t)below(256);
			break;
		case 1: /* a byte with a meaning */
			buf[at] = (uint8_t) "=,:\n# 09KT\t-!+2ms"[below(18)];
			break;
		case 2: /* cut */
			len = at;
			break;
		default: /* double what is before */
			if (len + at <= room) {
				memmove(buf + at + at, buf + at, len - at);
				memmove(buf + at, buf, at);
				len += at;
			}
		}
	}
	return len;
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0)
				 : (uint64_t)time(NULL) << 20 ^ getpid();
	static uint8_t buf[1 << 16];
	unsigned long right = 0;

	dprintf(1, "option_fuzz: %lu rounds, seed %lu\n", rounds,
		(unsigned long)seed);
	rng = seed * 2 + 1; /* never 0 */
	for (unsigned long i = 0; i < rounds; i++) {
		right += try_nodes();
		LLVMFuzzerTestOneInput(buf, make_input(buf, sizeof(buf)));
	}
	dprintf(1, "option_fuzz: %lu lists of nodes were right, %lu wrong\n",
		right, rounds - right);
	return 0;
}

#endif
