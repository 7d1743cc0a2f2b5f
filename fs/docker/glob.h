/* SPDX-License-Identifier: MIT */
/*
 * Patterns as docker's filters take them (Go's path.Match): `*` and `?` stop at a slash, [a-z],
 * [^a-z], a backslash takes the next character as it stands; the whole text must match. Pure.
 * Ours, as fnmatch(3) takes a malformed pattern as text, where docker refuses it.
 */
#ifndef FS_GLOB_H
#define FS_GLOB_H

#include <stdbool.h>

/* False for a pattern that is malformed: docker says "syntax error in pattern". */
bool glob_valid(const char *pattern);

/* Whether a valid pattern matches. */
bool glob_match(const char *pattern, const char *text);

#endif
