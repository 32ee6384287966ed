/* SPDX-License-Identifier: MIT */
/*
 * api/show.h - the views of /proc, from inside
 */
#ifndef MM_API_SHOW_H
#define MM_API_SHOW_H

/** show_at_exit - what the option "stats" asks for */
void show_at_exit(void);

#endif
