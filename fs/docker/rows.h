/* SPDX-License-Identifier: MIT */
/*
 * Rows of named fields in the format that docker's --format asks for: a table, a JSON object a
 * line, or what a template says. Pure.
 */
#ifndef FS_ROWS_H
#define FS_ROWS_H

#include "store/base/buf.h"
#include "store/base/err.h"

#include <json-c/json.h>

/* A field and its header; a list of them ends with a row of NULL. */
struct rows_field {
	const char *name, *header;
};

/*
 * Appends the rows (an array of objects). `format` is "json"; "table", "" or NULL, which is the command's
 * own `table`; "table TEMPLATE", with the fields' headers above it; or a template, a line for each
 * row. In a template \t and \n are a tab and a line break; tabs part a table's columns. -EINVAL.
 */
int rows_print(struct json_object *rows, const struct rows_field *fields, const char *table,
	       const char *format, struct buf *out, struct err *err);

/* True for "json", and for the template that says the same. */
bool rows_is_json(const char *format);

/* True for "raw", which is a template of each command that has it. */
bool rows_is_raw(const char *format);

/* True for "table TEMPLATE". */
bool rows_is_table(const char *format);

/* True for no format (NULL is allowed) and for "table": -q applies only then. */
bool rows_is_own_table(const char *format);

/* o[name] = text. */
void rows_set(struct json_object *o, const char *name, const char *text);

/* One object and a newline, by a format that is not rows_is_own_table. */
int rows_print_one(struct json_object *o, const char *format, struct buf *out, struct err *err);

#endif
