// SPDX-License-Identifier: MIT
/*
 * side/option.c - options: parse, report, print
 *
 * Runs inside the first malloc of the process, so there is no locale and no
 * allocation here. Text is handled as spans, which need not end with NUL.
 */
#include <string.h>
#include "side/option.h"

#define NAME_LEN_MAX 24	  /* of an option's name */
#define TEXT_SIZE    4096 /* of a text argument, NUL included: PATH_MAX */
#define SHOWN_SIZE   48	  /* of a user's text in a message */
#define WANT_SIZE    192
#define WANT_NODES   ":NODES with NODES out of %s as numactl writes them"
#define NODES_SIZE   (3 * MAX_NODES) /* of a mask as text: "0-1,3-4,..." */

enum option_type { BOOL, SIZE, NUMBER, CHOICE };
/* what takes nodes stands last */
enum word_arg { ARG_NONE, ARG_NUMBER, ARG_TEXT, ARG_NODES, ARG_OPT_NODES };

enum option_id {
#define OPTION(name, type, def, lo, hi, help) OPTION_##name,
#include "side/option.def"
	NR_OPTIONS
};

struct option_row {
	const char *name, *def, *help;
	enum option_type type;
	size_t lo, hi, offset;
};

struct word_row {
	enum option_id option;
	const char *name;
	enum word_arg arg;
	size_t lo, hi;
};

static const struct option_row options[NR_OPTIONS] = {
#define OPTION(name, type, def, lo, hi, help)                                  \
	{ #name, def, help, type, lo, hi, offsetof(struct mm_options, name) },
#include "side/option.def"
};

static const struct word_row words[NR_OPTION_WORDS] = {
#define WORD(option, id, name, arg, lo, hi)                                    \
	{ OPTION_##option, name, ARG_##arg, lo, hi },
#include "side/option.def"
};

#define OPTION(name, type, def, lo, hi, help)                                  \
	_Static_assert(sizeof(#name) <= NAME_LEN_MAX + 1, #name);
#include "side/option.def"

struct mm_options mm_options;

/* untouched, and so without memory, but for the options that hold a text */
static char texts[NR_OPTIONS][TEXT_SIZE];

/* ---- spans ---- */

struct span {
	const char *p;
	size_t len;
};

static struct span span_of(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static bool span_is(struct span s, const char *word)
{
	return s.len == strlen(word) && !memcmp(s.p, word, s.len);
}

static bool span_has(struct span s, char c)
{
	return s.len && memchr(s.p, c, s.len);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

static struct span trim(struct span s)
{
	for (; s.len && is_space(s.p[0]); s.len--)
		s.p++;
	while (s.len && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* Take what is before the first @sep off @rest, and @sep with it. */
static struct span cut(struct span *rest, char sep)
{
	struct span head = *rest;

	if (span_has(*rest, sep))
		head.len = (size_t)((char *)memchr(rest->p, sep, rest->len) -
				    rest->p);
	rest->p += min_size(head.len + 1, rest->len);
	rest->len -= min_size(head.len + 1, rest->len);
	return head;
}

/* Take @c off @s if it is the next character. */
static bool cut_char(struct span *s, char c)
{
	if (!s->len || *s->p != c)
		return false;
	s->p++;
	s->len--;
	return true;
}

/* ---- values ---- */

static bool parse_bool(struct span s, bool *v)
{
	static const char *const names[] = { "off",   "on",   "no", "yes",
					     "false", "true", "0",  "1" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (span_is(s, names[i])) {
			*v = i & 1;
			return true;
		}
	}
	return false;
}

/* Take the decimal number @s starts with off it. */
static bool cut_number(struct span *s, size_t *v)
{
	const char *start = s->p;

	for (*v = 0; s->len && *s->p >= '0' && *s->p <= '9'; s->len--) {
		size_t digit = (size_t)(*s->p++ - '0');

		if (__builtin_mul_overflow(*v, 10, v) ||
		    __builtin_add_overflow(*v, digit, v))
			return false;
	}
	return s->p > start;
}

static bool parse_number(struct span s, size_t lo, size_t hi, size_t *v)
{
	return cut_number(&s, v) && !s.len && *v >= lo && *v <= hi;
}

static bool parse_size(struct span s, size_t lo, size_t hi, size_t *v)
{
	static const char units[] = "KkMmGgTt";
	const char *unit;

	if (!cut_number(&s, v) || s.len > 1)
		return false;
	if (s.len) {
		unit = memchr(units, *s.p, sizeof(units) - 1);
		if (!unit || __builtin_mul_overflow(
				     *v, KIB(1) << (unit - units) / 2 * 10, v))
			return false;
	}
	return *v >= lo && *v <= hi;
}

/* Control characters would break the lines of messages and views. */
static const char *parse_text(struct span s, char *store)
{
	if (!s.len || s.len >= TEXT_SIZE)
		return NULL;
	for (size_t i = 0; i < s.len; i++)
		if (is_control(s.p[i]))
			return NULL;
	memcpy(store, s.p, s.len);
	store[s.len] = '\0';
	return store;
}

/* Take "N" or "N-M" off @s and add these bits to @mask. */
static bool cut_range(struct span *s, unsigned long *mask)
{
	size_t lo, hi;

	if (!cut_number(s, &lo))
		return false;
	hi = lo;
	if (cut_char(s, '-') && !cut_number(s, &hi))
		return false;
	if (lo > hi || hi >= MAX_NODES)
		return false;
	*mask |= (2UL << hi) - (1UL << lo);
	return true;
}

/* Bit n of @ranks stands for the n-th of the nodes allowed. */
static unsigned long nodes_of_ranks(unsigned long ranks, unsigned long allowed)
{
	unsigned long nodes = 0;

	for (; ranks && allowed; ranks >>= 1, allowed &= allowed - 1)
		if (ranks & 1)
			nodes |= allowed & -allowed;
	return ranks ? 0 : nodes;
}

/* Returns a mask; 0 if @s is no such list or names what is not allowed. */
static unsigned long parse_nodes(struct span s)
{
	unsigned long nodes = 0, allowed = os_nodes_allowed();
	bool others = cut_char(&s, '!');
	bool relative = cut_char(&s, '+');

	if (span_is(s, "all"))
		return others ? 0 : allowed;
	do {
		if (!cut_range(&s, &nodes))
			return 0;
	} while (cut_char(&s, ','));
	if (relative)
		nodes = nodes_of_ranks(nodes, allowed);
	if (s.len || !nodes || nodes & ~allowed)
		return 0;
	return others ? allowed & ~nodes : nodes;
}

/* A mask as parse_nodes() reads it: runs of bits from the lowest up. */
static const char *show_nodes(unsigned long nodes, char buf[NODES_SIZE])
{
	unsigned long above;
	size_t n = 0;

	buf[0] = '\0';
	/* the carry of the lowest bit stops right above its run */
	for (; nodes; nodes &= above) {
		unsigned lo = (unsigned)__builtin_ctzl(nodes), hi;

		above = nodes + (1UL << lo);
		hi = (unsigned)__builtin_ctzl(above) - 1;
		n += os_format(buf + n, NODES_SIZE - n, n ? ",%u" : "%u", lo);
		if (hi > lo)
			n += os_format(buf + n, NODES_SIZE - n, "-%u", hi);
	}
	return buf;
}

static bool parse_choice(struct span s, enum option_id id, struct mm_choice *c)
{
	bool has_arg = span_has(s, ':');
	struct span name = cut(&s, ':');
	const struct word_row *w = words;
	struct mm_choice v = { 0 };
	size_t nr = 0;

	while (w->option != id || !span_is(name, w->name))
		if (++w == words + NR_OPTION_WORDS)
			return false;
	v.word = (enum option_word)(w - words);
	if (w->arg == ARG_OPT_NODES && !has_arg)
		s = span_of("all");
	else if (has_arg != (w->arg != ARG_NONE))
		return false;
	if (w->arg == ARG_NUMBER && !parse_number(s, w->lo, w->hi, &nr))
		return false;
	if (w->arg == ARG_TEXT && !(v.text = parse_text(s, texts[id])))
		return false;
	if (w->arg >= ARG_NODES && !(v.nodes = parse_nodes(s)))
		return false;
	v.nr = (unsigned)nr;
	*c = v;
	return true;
}

static void *field_of(const struct option_row *opt)
{
	return (char *)&mm_options + opt->offset;
}

static bool set_option(const struct option_row *opt, struct span value)
{
	void *field = field_of(opt);
	size_t v;

	switch (opt->type) {
	case BOOL:
		return parse_bool(value, field);
	case SIZE:
		if (!parse_size(value, opt->lo, opt->hi, &v))
			return false;
		*(size_t *)field = v;
		return true;
	case NUMBER:
		if (!parse_number(value, opt->lo, opt->hi, &v))
			return false;
		*(unsigned *)field = (unsigned)v;
		return true;
	case CHOICE:
		return parse_choice(value, (enum option_id)(opt - options),
				    field);
	}
	return false;
}

/* ---- messages ---- */

/* The user's text, made fit for a message of one line. */
static const char *show(struct span s, char buf[SHOWN_SIZE])
{
	bool fits = s.len < SHOWN_SIZE;
	size_t n = fits ? s.len : SHOWN_SIZE - sizeof("...");

	for (size_t i = 0; i < n; i++)
		buf[i] = is_control(s.p[i]) || s.p[i] & 0x80 ? '?' : s.p[i];
	memcpy(buf + n, fits ? "" : "...", fits ? 1 : sizeof("..."));
	return buf;
}

static void want_choice(enum option_id id, char *buf, size_t len)
{
	const struct word_row *w = words, *end = words + NR_OPTION_WORDS;
	const char *sep = "";
	char nodes[NODES_SIZE];
	size_t n = 0;

	while (w->option != id)
		w++;
	for (; w < end && w->option == id; w++) {
		n += os_format(buf + n, len - n, "%s%s", sep, w->name);
		if (w->arg == ARG_NUMBER)
			n += os_format(buf + n, len - n,
				       ":N with N from %zu to %zu", w->lo,
				       w->hi);
		if (w->arg == ARG_TEXT)
			n += os_format(buf + n, len - n, ":PATH");
		if (w->arg == ARG_OPT_NODES)
			n += os_format(buf + n, len - n, "[:NODES]");
		if (w->arg == ARG_NODES)
			n += os_format(buf + n, len - n, WANT_NODES,
				       show_nodes(os_nodes_allowed(), nodes));
		sep = w + 2 < end && w[2].option == id ? ", " : " or ";
	}
}

/* What values an option takes, in words. */
static const char *want(const struct option_row *opt, char buf[WANT_SIZE])
{
	switch (opt->type) {
	case BOOL:
		return "on or off";
	case SIZE:
		return "a size like 64K, 4M or 2G";
	case NUMBER:
		os_format(buf, WANT_SIZE, "a number from %zu to %zu", opt->lo,
			  opt->hi);
		break;
	case CHOICE:
		want_choice((enum option_id)(opt - options), buf, WANT_SIZE);
		break;
	}
	return buf;
}

/* Levenshtein's distance by the usual table, of which one row is kept. */
static unsigned edit_distance(struct span a, struct span b)
{
	unsigned char row[NAME_LEN_MAX + 1];

	for (unsigned j = 0; j <= b.len; j++)
		row[j] = (unsigned char)j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned char diagonal = row[0];

		row[0] = (unsigned char)i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned edit = diagonal + (a.p[i - 1] != b.p[j - 1]);
			unsigned skip = min_size(row[j], row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = (unsigned char)min_size(edit, skip);
		}
	}
	return row[b.len];
}

static const char *nearest_name(struct span key)
{
	/* three edits turn any word of four letters into any other */
	unsigned best = key.len < 5 ? 3 : 4;
	const char *name = NULL;

	if (key.len > NAME_LEN_MAX)
		return NULL;
	for (unsigned i = 0; i < NR_OPTIONS; i++) {
		unsigned d = edit_distance(key, span_of(options[i].name));

		if (d < best) {
			best = d;
			name = options[i].name;
		}
	}
	return name;
}

static __cold void warn_unknown(struct span key, const char *source)
{
	const char *name = nearest_name(key);
	char shown[SHOWN_SIZE];

	show(key, shown);
	if (name)
		mm_warn("unknown option \"%s\" in %s (did you mean \"%s\"?); "
			"ignored. Try " OPTION_ENV "=help",
			shown, source, name);
	else
		mm_warn("unknown option \"%s\" in %s; ignored. Try " OPTION_ENV
			"=help",
			shown, source);
}

static __cold void warn_value(const struct option_row *opt, struct span value,
			      const char *source)
{
	char shown[SHOWN_SIZE], buf[WANT_SIZE];

	mm_warn("bad value \"%s\" for option \"%s\" in %s: want %s; ignored",
		show(value, shown), opt->name, source, want(opt, buf));
}

/* ---- sources ---- */

static const struct option_row *find_option(struct span key)
{
	for (unsigned i = 0; i < NR_OPTIONS; i++)
		if (span_is(key, options[i].name))
			return &options[i];
	return NULL;
}

/* Take what is before the next comma that ends an item off @rest. */
static struct span cut_item(struct span *rest)
{
	struct span item = cut(rest, ',');

	while (rest->len && span_has(span_of("0123456789!+"), *rest->p))
		item.len += 1 + cut(rest, ',').len;
	return item;
}

/* Returns 1 if the item is wrong. */
static unsigned parse_item(struct span item, const char *source)
{
	bool has_value = span_has(item, '=');
	struct span key = trim(cut(&item, '='));
	struct span value = trim(item);
	const struct option_row *opt = find_option(key);

	if (!key.len && !has_value)
		return 0;
	if (!opt) {
		warn_unknown(key, source);
		return 1;
	}
	if (!has_value && opt->type == BOOL)
		value = span_of("on");
	if (set_option(opt, value))
		return 0;
	warn_value(opt, value, source);
	return 1;
}

unsigned option_parse(const char *text, size_t len, const char *source)
{
	struct span rest = { text, len };
	unsigned wrong = 0;

	while (rest.len)
		wrong += parse_item(cut_item(&rest), source);
	return wrong;
}

unsigned option_parse_conf(const char *text, size_t len, const char *path)
{
	struct span rest = { text, len };
	unsigned wrong = 0;
	char source[128];

	for (unsigned line = 1; rest.len; line++) {
		struct span item = trim(cut(&rest, '\n'));

		os_format(source, sizeof(source), "%s:%u", path, line);
		if (item.len && item.p[0] != '#')
			wrong += parse_item(item, source);
	}
	return wrong;
}

void option_defaults(void)
{
	for (unsigned i = 0; i < NR_OPTIONS; i++)
		BUG_ON(!set_option(&options[i], span_of(options[i].def)));
}

/* ---- views ---- */

static void print_size(struct mm_out *o, size_t v)
{
	static const char units[][2] = { "", "K", "M", "G", "T" };
	unsigned i = 0;

	for (; v && !(v & 1023) && i < ARRAY_SIZE(units) - 1; i++)
		v >>= 10;
	out_printf(o, "%zu%s", v, units[i]);
}

/* In pieces, as out_printf() takes half its buffer at most. */
static void print_text(struct mm_out *o, const char *s)
{
	enum { PIECE = sizeof(o->buf) / 4 };

	for (size_t left = strlen(s); left; left -= min_size(left, PIECE)) {
		out_printf(o, "%.*s", PIECE, s);
		s += min_size(left, PIECE);
	}
}

static void print_choice(struct mm_out *o, const struct mm_choice *c)
{
	const struct word_row *w = &words[c->word];
	char nodes[NODES_SIZE];

	out_printf(o, "%s", w->name);
	if (w->arg == ARG_NUMBER)
		out_printf(o, ":%u", c->nr);
	if (w->arg >= ARG_NODES)
		out_printf(o, ":%s", show_nodes(c->nodes, nodes));
	if (w->arg == ARG_TEXT) {
		out_printf(o, ":");
		print_text(o, c->text);
	}
}

static void print_option(struct mm_out *o, const struct option_row *opt)
{
	const void *field = field_of(opt);

	out_printf(o, "%s=", opt->name);
	switch (opt->type) {
	case BOOL:
		out_printf(o, "%s", *(const bool *)field ? "on" : "off");
		break;
	case SIZE:
		print_size(o, *(const size_t *)field);
		break;
	case NUMBER:
		out_printf(o, "%u", *(const unsigned *)field);
		break;
	case CHOICE:
		print_choice(o, field);
		break;
	}
	out_printf(o, "\n");
}

void option_print(struct mm_out *o)
{
	for (unsigned i = 0; i < NR_OPTIONS; i++)
		print_option(o, &options[i]);
}

void option_help(struct mm_out *o)
{
	char buf[WANT_SIZE];

	out_printf(o,
		   "Options of libmm: %s=\"name=value,name=value\" or lines of "
		   "%s\n\n",
		   OPTION_ENV, OPTION_CONF);
	for (unsigned i = 0; i < NR_OPTIONS; i++) {
		const struct option_row *opt = &options[i];

		out_printf(o, "  ");
		print_option(o, opt);
		out_printf(o, "\t%s\n\t(%s; default %s)\n", opt->help,
			   want(opt, buf), opt->def);
	}
}
