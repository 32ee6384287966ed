/* SPDX-License-Identifier: MIT */
/*
 * unit/side_capture.h - what the tests of side/ share
 */
#ifndef MM_UNIT_SIDE_CAPTURE_H
#define MM_UNIT_SIDE_CAPTURE_H

#include "capture.h"
#include "side/option.h"

static int set_defaults(void **state)
{
	(void)state;
	option_defaults();
	return 0;
}

/* Parse and expect @wrong items; the messages are in captured[]. */
static inline void parse_bytes(const char *text, size_t len, unsigned wrong)
{
	unsigned n;

	capture_begin();
	n = option_parse(text, len, "MM_OPTIONS");
	capture_end();
	assert_int_equal(n, wrong);
}

static inline void parse_good(const char *text)
{
	parse_bytes(text, strlen(text), 0);
	assert_string_equal(captured, "");
}

static inline void parse_bad(const char *text, const char *message)
{
	parse_bytes(text, strlen(text), 1);
	assert_string_equal(captured, message);
}

static inline const char *printed(void (*print)(struct mm_out *))
{
	struct mm_out o;

	capture_begin();
	out_init(&o, 2);
	print(&o);
	out_flush(&o);
	return capture_end();
}

#endif
