// SPDX-License-Identifier: MIT
/*
 * side/option_show.c - options: messages, the help and the view
 *
 * Runs inside the first malloc of the process, as option.c does.
 */
#include "side/option_table.h"

#define SHOWN_SIZE 48 /* of a user's text in a message */
#define WANT_SIZE  192
#define WANT_SIZES "a size like 64K, 4M or 2G"
#define WANT_NODES ":NODES with NODES out of %s as numactl writes them"
#define NODES_SIZE (3 * MAX_NODES) /* of a mask as text: "0-1,3-4,..." */

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
	const struct word_row *w = option_words, *end = w + NR_OPTION_WORDS;
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
		return WANT_SIZES;
	case AUTOSIZE:
		return WANT_SIZES ", or auto";
	case NUMBER:
		os_format(buf, WANT_SIZE, "a number from %zu to %zu", opt->lo,
			  opt->hi);
		break;
	case SECONDS:
		os_format(buf, WANT_SIZE,
			  "a time like 90s, 2m or 1h, from %zus to %zus",
			  opt->lo, opt->hi);
		break;
	case TEXT:
		return "a path";
	case CHOICE:
		want_choice(option_id_of(opt), buf, WANT_SIZE);
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
		unsigned d = edit_distance(key, span_of(option_rows[i].name));

		if (d < best) {
			best = d;
			name = option_rows[i].name;
		}
	}
	return name;
}

__cold void option_warn_unknown(struct span key, const char *source)
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

__cold void option_warn_value(const struct option_row *opt, struct span value,
			      const char *source)
{
	char shown[SHOWN_SIZE], buf[WANT_SIZE];

	mm_warn("bad value \"%s\" for option \"%s\" in %s: want %s; ignored",
		show(value, shown), opt->name, source, want(opt, buf));
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
	const struct word_row *w = &option_words[c->word];
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
	const void *field = option_field_of(opt);
	const size_t *value = field;

	out_printf(o, "%s=", opt->name);
	switch (opt->type) {
	case BOOL:
		out_printf(o, "%s", *value ? "on" : "off");
		break;
	case SIZE:
	case AUTOSIZE:
		if (opt->type == AUTOSIZE && *value == SIZE_AUTO)
			out_printf(o, "auto");
		else
			print_size(o, *value);
		break;
	case NUMBER:
	case SECONDS:
		out_printf(o, "%zu%s", *value, opt->type == SECONDS ? "s" : "");
		break;
	case TEXT:
		if (*(const char *const *)field)
			print_text(o, *(const char *const *)field);
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
		print_option(o, &option_rows[i]);
}

static const char *const help_of[NR_OPTIONS] = {
#define OPTION(name, type, def, lo, hi, help) help,
#include "side/option.def"
};

void option_help(struct mm_out *o)
{
	char buf[WANT_SIZE];

	out_printf(o,
		   "Options of libmm: %s=\"name=value,name=value\" or lines of "
		   "%s\n\n",
		   OPTION_ENV, OPTION_CONF);
	for (unsigned i = 0; i < NR_OPTIONS; i++) {
		const struct option_row *opt = &option_rows[i];

		out_printf(o, "  ");
		print_option(o, opt);
		out_printf(o, "\t%s\n\t(%s; default %s)\n", help_of[i],
			   want(opt, buf), *opt->def ? opt->def : "none");
	}
}
