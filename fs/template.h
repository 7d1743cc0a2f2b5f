/* SPDX-License-Identifier: MIT */
/*
 * Go templates (text/template), as far as docker's --format and inspect -f use them, over a JSON
 * value: text, {{.Field.Sub}}, {{.}}, {{$}}, pipelines, parentheses, string and number constants,
 * if/else if/else/end, range/else/end, with/else/end, variables, comments, {{- and -}}; the
 * functions json, upper, lower, title, len, index, slice, join, split, truncate, pad, print,
 * println, printf (template_printf.h), eq, ne, lt, le, gt, ge, and, or, not. Definitions are not
 * known. Pure; bounded in depth and output.
 */
#ifndef FS_TEMPLATE_H
#define FS_TEMPLATE_H

#include "store/buf.h"
#include "store/err.h"

#include <json-c/json.h>

/* Appends what the template says of the value. -EINVAL "template parsing error: …", also for a
 * field that the value itself (not something in it) does not have. */
int template_run(const char *text, struct json_object *value, struct buf *out, struct err *err);

/* The same for the headers of a table: what only changes how a value looks (upper, json,
 * truncate, …) leaves a header as it is. */
int template_run_headers(const char *text, struct json_object *headers, struct buf *out,
			 struct err *err);

#endif
