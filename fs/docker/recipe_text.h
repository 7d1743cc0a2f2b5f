/* SPDX-License-Identifier: MIT */
/*
 * Texts in a Dockerfile. Each of these appends; controls become "?", but for tabs. Pure.
 */
#ifndef FS_RECIPE_TEXT_H
#define FS_RECIPE_TEXT_H

#include "store/base/buf.h"
#include "store/base/json.h"

/* On one line: line ends are blanks. */
void recipe_line(struct buf *out, const char *text, size_t len);

/* All of its lines, the last one ended too. */
void recipe_lines(struct buf *out, const char *text, size_t len);

/* A command on several lines. A run of blanks shows where it had a line break once: there a line ends
 * in a backslash. The blanks are kept, so that it means the same. */
void recipe_command(struct buf *out, const char *text, size_t len);

/* Lines that are an instruction each. One that would go on with the next line becomes a comment. */
void recipe_closed(struct buf *out, const struct buf *lines);

/* A word in quotes, in which nothing is a variable. */
void recipe_quoted(struct buf *out, const char *text);

/* An array of strings, as CMD has it. */
void recipe_exec(struct buf *out, const struct json_object *words);

/* The same for an array as Go prints it: ["a" "b"], or [a b]. False, and nothing appended: it is neither. */
bool recipe_go_list(struct buf *out, const char *text);

#endif
