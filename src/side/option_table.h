/* SPDX-License-Identifier: MIT */
/*
 * side/option_table.h - the rows of option.def as tables; private to option*.c
 *
 * option.c reads text into the fields, option_show.c writes the fields and the
 * messages. Text is handled as spans, which need not end with NUL.
 */
#ifndef MM_SIDE_OPTION_TABLE_H
#define MM_SIDE_OPTION_TABLE_H

#include <string.h>
#include "side/option.h"

#define NAME_LEN_MAX 24 /* of an option's name */

enum option_type { BOOL, SIZE, AUTOSIZE, NUMBER, SECONDS, TEXT, CHOICE };
/* what takes nodes stands last */
enum word_arg { ARG_NONE, ARG_NUMBER, ARG_TEXT, ARG_NODES, ARG_OPT_NODES };

enum option_id {
#define OPTION(name, type, def, lo, hi, help) OPTION_##name,
#include "side/option.def"
	NR_OPTIONS
};

struct option_row {
	const char *name, *def;
	enum option_type type;
	size_t lo, hi, offset;
};

struct word_row {
	enum option_id option;
	const char *name;
	enum word_arg arg;
	size_t lo, hi;
};

extern __hidden const struct option_row option_rows[NR_OPTIONS];
extern __hidden const struct word_row option_words[NR_OPTION_WORDS];

static inline enum option_id option_id_of(const struct option_row *opt)
{
	return (enum option_id)(opt - option_rows);
}

static inline void *option_field_of(const struct option_row *opt)
{
	return (char *)&mm_options + opt->offset;
}

struct span {
	const char *p;
	size_t len;
};

static inline struct span span_of(const char *s)
{
	return (struct span){ s, strlen(s) };
}

/** is_control - would this break the lines of messages and views? */
static inline bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/** option_warn_unknown - say that @source has no option's name in @key */
void option_warn_unknown(struct span key, const char *source);

/** option_warn_value - say which values @opt takes, as @value is none */
void option_warn_value(const struct option_row *opt, struct span value,
		       const char *source);

#endif
