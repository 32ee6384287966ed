/* SPDX-License-Identifier: MIT */
/*
 * api/show.h - the views of /proc, from inside
 */
#ifndef MM_API_SHOW_H
#define MM_API_SHOW_H

/** show_init - see to it that show_at_exit() will find standard error */
void show_init(void);

/** show_at_exit - what the option "stats" asks for */
void show_at_exit(void);

#endif
