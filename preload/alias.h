/* SPDX-License-Identifier: MIT */
/*
 * preload/alias.h - a second name for a function
 */
#ifndef MM_PRELOAD_ALIAS_H
#define MM_PRELOAD_ALIAS_H

#include "base/compiler.h"

/* gcc wants both names to have the same attributes; clang does not care */
#if __has_attribute(copy)
#define __alias_of(target) __attribute__((alias(#target), copy(target)))
#else
#define __alias_of(target) __attribute__((alias(#target)))
#endif

/** export_as - export @target, defined in the same file, as @name too */
#define export_as(name, target)                                                \
	__public __alias_of(target) extern __typeof(target) name

#endif
