// SPDX-License-Identifier: MIT
/*
 * side/option.c - options: from text to fields
 *
 * Runs inside the first malloc of the process, so there is no locale and no
 * allocation here. What is printed, is in option_show.c.
 */
#include "side/option_table.h"

#define TEXT_SIZE 4096 /* of a text, NUL included: PATH_MAX */

const struct option_row option_rows[NR_OPTIONS] = {
#define OPTION(name, type, def, lo, hi, help)                                  \
	{ #name, def, type, lo, hi, offsetof(struct mm_options, name) },
#include "side/option.def"
};

const struct word_row option_words[NR_OPTION_WORDS] = {
#define WORD(option, id, name, arg, lo, hi)                                    \
	{ OPTION_##option, name, ARG_##arg, lo, hi },
#include "side/option.def"
};

#define OPTION(name, type, def, lo, hi, help)                                  \
	_Static_assert(sizeof(#name) <= NAME_LEN_MAX + 1, #name);
#include "side/option.def"

/* On one page, wherever it lies: every program touches it. */
struct mm_options mm_options __attribute__((aligned(256)));

/* untouched, and so without memory, but for the options that hold a text */
static char texts[NR_OPTIONS][TEXT_SIZE];

/* ---- spans ---- */

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

static bool parse_bool(struct span s, size_t *v)
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

/* What a letter behind a number stands for; 0 if for nothing. */
static size_t unit_of(enum option_type type, char c)
{
	static const char sizes[] = "KkMmGgTt";
	const char *unit = memchr(sizes, c, sizeof(sizes) - 1);

	if (type == SECONDS)
		return c == 's' ? 1 : c == 'm' ? 60 : c == 'h' ? 60 * 60 : 0;
	if (type == NUMBER || !unit)
		return 0;
	return KIB(1) << (unit - sizes) / 2 * 10;
}

static bool parse_value(enum option_type type, struct span s, size_t lo,
			size_t hi, size_t *v)
{
	size_t unit = 1;

	if (type == BOOL)
		return parse_bool(s, v);
	if (type == AUTOSIZE && span_is(s, "auto")) {
		*v = SIZE_AUTO;
		return true;
	}
	if (!cut_number(&s, v) || s.len > 1)
		return false;
	if (s.len)
		unit = unit_of(type, *s.p);
	return unit && !__builtin_mul_overflow(*v, unit, v) && *v >= lo &&
	       *v <= hi;
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

static bool parse_choice(struct span s, enum option_id id, struct mm_choice *c)
{
	bool has_arg = span_has(s, ':');
	struct span name = cut(&s, ':');
	const struct word_row *w = option_words;
	struct mm_choice v = { 0 };
	size_t nr = 0;

	while (w->option != id || !span_is(name, w->name))
		if (++w == option_words + NR_OPTION_WORDS)
			return false;
	v.word = (enum option_word)(w - option_words);
	if (w->arg == ARG_OPT_NODES && !has_arg)
		s = span_of("all");
	else if (has_arg != (w->arg != ARG_NONE))
		return false;
	if (w->arg == ARG_NUMBER && !parse_value(NUMBER, s, w->lo, w->hi, &nr))
		return false;
	if (w->arg == ARG_TEXT && !(v.text = parse_text(s, texts[id])))
		return false;
	if (w->arg >= ARG_NODES && !(v.nodes = parse_nodes(s)))
		return false;
	v.nr = (unsigned)nr;
	*c = v;
	return true;
}

static bool set_option(const struct option_row *opt, struct span value)
{
	void *field = option_field_of(opt);
	const char *text;
	size_t v;

	switch (opt->type) {
	case TEXT:
		text = parse_text(value, texts[option_id_of(opt)]);
		if (value.len && !text)
			return false;
		*(const char **)field = text;
		return true;
	case CHOICE:
		return parse_choice(value, option_id_of(opt), field);
	default:
		if (!parse_value(opt->type, value, opt->lo, opt->hi, &v))
			return false;
		*(size_t *)field = v;
		return true;
	}
}

/* ---- sources ---- */

static const struct option_row *find_option(struct span key)
{
	for (unsigned i = 0; i < NR_OPTIONS; i++)
		if (span_is(key, option_rows[i].name))
			return &option_rows[i];
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
		option_warn_unknown(key, source);
		return 1;
	}
	if (!has_value && opt->type == BOOL)
		value = span_of("on");
	/* a TEXT may be empty, but not forgotten */
	if ((has_value || opt->type != TEXT) && set_option(opt, value))
		return 0;
	option_warn_value(opt, value, source);
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
		BUG_ON(!set_option(&option_rows[i],
				   span_of(option_rows[i].def)));
}
