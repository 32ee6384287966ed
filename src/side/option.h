/* SPDX-License-Identifier: MIT */
/*
 * side/option.h - what the user may set
 *
 * All of it comes from option.def: the fields, the parser, the messages, the
 * help and the view. A new option is one row there. Later sources win:
 *
 *	built-in default < /etc/mm.conf < MM_OPTIONS
 *
 * A wrong option costs one line on standard error and changes nothing.
 */
#ifndef MM_SIDE_OPTION_H
#define MM_SIDE_OPTION_H

#include "os/os.h"

#define OPTION_ENV  "MM_OPTIONS"
#define OPTION_CONF "/etc/mm.conf"

/** The words of all options of type CHOICE; see the WORD rows. */
enum option_word {
#define WORD(option, id, name, arg, lo, hi) id,
#include "side/option.def"
	NR_OPTION_WORDS
};

/** One word out of a list, perhaps with an argument. */
struct mm_choice {
	enum option_word word;
	unsigned nr;	     /* of a word that takes a number, else 0 */
	unsigned long nodes; /* bit mask, of a word that takes nodes, else 0 */
	const char *text;    /* of a word that takes text, else NULL */
};

#define OPTION_FIELD_BOOL     size_t /* 0 or 1 */
#define OPTION_FIELD_SIZE     size_t
#define OPTION_FIELD_AUTOSIZE size_t
#define OPTION_FIELD_NUMBER   size_t
#define OPTION_FIELD_SECONDS  size_t
#define OPTION_FIELD_TEXT     const char * /* NULL if empty */
#define OPTION_FIELD_CHOICE   struct mm_choice

#define SIZE_AUTO SIZE_MAX /* the value of an AUTOSIZE that is "auto" */

struct mm_options {
#define OPTION(name, type, def, lo, hi, help) OPTION_FIELD_##type name;
#include "side/option.def"
};

/** The values in force: all zero before option_init(), read-only after it. */
extern __hidden struct mm_options mm_options;

/**
 * option_init - read the options of this process
 *
 * Neither allocates nor needs libc to be initialised. MM_OPTIONS is ignored
 * in set-uid and similar programs. Prints the table if "help" is set, and
 * does not return if "strict" is set and any option was wrong.
 * Context: one thread, once.
 */
void option_init(void);

/** option_defaults - put every option back to its built-in default */
void option_defaults(void);

/**
 * option_parse - set options from "name=value,name=value"
 * @text:   need not end with NUL, may hold any bytes
 * @len:    bytes of @text
 * @source: where it comes from, as messages shall name it
 *
 * White space around names and values, and empty items, are skipped. A name
 * alone switches a BOOL on; "name=" empties a TEXT. Names begin with a letter,
 * so a comma before a digit, '!' or '+' ends no item: it is part of the value
 * before it.
 *
 * Nodes are written as numactl(8) has them: "all", or numbers "N" and ranges
 * "N-M" separated by commas; "+0-1" counts the allowed nodes only, "!0,2-3" is
 * every allowed node but those. A node that is not allowed is an error.
 *
 * Returns the number of wrong items; each was reported with mm_warn().
 */
unsigned option_parse(const char *text, size_t len, const char *source);

/**
 * option_parse_conf - set options from lines of "name=value"
 * @path: messages name the source as "path:line"
 *
 * A line that starts with '#' is a comment. A value ends with its line, so it
 * may hold commas. Returns the number of wrong lines, as option_parse() does.
 */
unsigned option_parse_conf(const char *text, size_t len, const char *path);

/**
 * option_read_conf - set options from a file as option_parse_conf() does
 *
 * A file that is absent is no error. One that is not root's, or that others
 * may write, is ignored with one line. Returns the number of wrong lines.
 */
unsigned option_read_conf(const char *path);

/** option_print - the values in force, in lines option_parse_conf() reads */
void option_print(struct mm_out *o);

/** option_help - the table of options: value, meaning, range and default */
void option_help(struct mm_out *o);

#endif
