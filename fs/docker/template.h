/* SPDX-License-Identifier: MIT */
/*
 * Go templates (text/template), as far as docker's --format and inspect -f use them, over a JSON
 * value: text, {{.Field.Sub}}, {{.}}, {{$}}, pipelines, parentheses, constants, all
 * of Go's actions (if, with, range, break, continue, template, define, block), variables, comments,
 * {{- and -}}; Go's functions, and docker's json, upper, lower, title, join, split, truncate and
 * pad. Not known are complex numbers and methods. Pure. Ours, as no C library has them, and scripts
 * written for docker shall run unchanged. A text is parsed first (template_tree.h), then run.
 *
 * Whoever may read a control file may write templates, so they are bounded: in depth, in output (16
 * MiB, as is each value), and in work, which is bytes read and made, a step as 64 of them. Loops in
 * loops, and text that doubles itself, end with that.
 */
#ifndef FS_TEMPLATE_H
#define FS_TEMPLATE_H

#include "store/base/buf.h"
#include "store/base/err.h"

#include <json-c/json.h>

#define TEMPLATE_WORK_MAX (128u << 20) /* of one run: a second or so */

/* Appends what the template says of the value. `work` is what this run and later ones have left; NULL:
 * this run has TEMPLATE_WORK_MAX. -EINVAL "template parsing error: …", also for a field that the
 * value itself (not something in it) does not have. */
int template_run(const char *text, struct json_object *value, uint64_t *work, struct buf *out,
		 struct err *err);

/* The same, where a member that a map lacks is an error (Go's missingkey=error): -EINVAL "…: map has
 * no entry for key …". */
int template_run_complete(const char *text, struct json_object *value, uint64_t *work,
			  struct buf *out, struct err *err);

/* Whether it can be parsed: 0 or -EINVAL. */
int template_check(const char *text, struct err *err);

/* template_run() for the headers of a table: a function that only changes how a value looks (upper,
 * json, truncate, …) leaves a header as it is. */
int template_run_headers(const char *text, struct json_object *headers, uint64_t *work,
			 struct buf *out, struct err *err);

#endif
