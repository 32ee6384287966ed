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

#endif
