/* SPDX-License-Identifier: MIT */
/*
 * The functions of Go templates, and docker's. An argument may be NULL, which is Go's nil, or of
 * any kind. What Go refuses is refused, in Go's words where they are short. No function makes a value
 * of more than TEMPLATE_TEXT_MAX bytes, or takes more than a few times as much memory. Pure.
 */
#ifndef FS_TEMPLATE_FUNCTION_H
#define FS_TEMPLATE_FUNCTION_H

#include "store/base/buf.h"
#include "store/base/err.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define TEMPLATE_ARGUMENTS_MAX 16

/* One call: what it gets, and what it cost. */
struct template_call {
	struct json_object *const *args;
	size_t count;
	uint64_t work; /* out: bytes that were made */
	struct err *err;
};

struct template_function {
	const char *name;
	/* *out is a new reference, or NULL for nil. -EINVAL with its sentence, -ENOMEM. */
	int (*run)(struct template_call *c, struct json_object **out);
	size_t min,
	    max;    /* arguments (TEMPLATE_ARGUMENTS_MAX: any number); never called otherwise */
	bool looks; /* changes only how a value looks */
	bool whole; /* reads all that its arguments hold, which is work */
	const char *kinds; /* of its first arguments: 's' text, 'i' number, 'l' list of texts; NULL:
			    * any. It is never called with others */
};

const struct template_function *template_function_find(const char *name); /* or NULL */

/* Calls the function. With `headers`, one that is only about looks gives its first argument. */
int template_call(const struct template_function *f, bool headers, struct template_call *c,
		  struct json_object **out);

/* ---- for the functions ---- */

/* An argument that has to be a text, or a number. -EINVAL where it is none. */
int template_text(struct template_call *c, size_t i, const char **text, size_t *len);
int template_number(struct template_call *c, size_t i, int64_t *out);

/* The made text as the result. */
int template_give(struct template_call *c, const struct buf *text, struct json_object **out);
/* Another value; NULL is out of memory. */
int template_give_value(struct template_call *c, struct json_object *value,
			struct json_object **out);

/* What stands in template_text.c, template_escape.c and template_compare.c. */
int template_f_upper(struct template_call *c, struct json_object **out);
int template_f_lower(struct template_call *c, struct json_object **out);
int template_f_title(struct template_call *c, struct json_object **out);
int template_f_join(struct template_call *c, struct json_object **out);
int template_f_split(struct template_call *c, struct json_object **out);
int template_f_truncate(struct template_call *c, struct json_object **out);
int template_f_pad(struct template_call *c, struct json_object **out);
int template_f_print(struct template_call *c, struct json_object **out);
int template_f_println(struct template_call *c, struct json_object **out);
int template_f_html(struct template_call *c, struct json_object **out);
int template_f_js(struct template_call *c, struct json_object **out);
int template_f_urlquery(struct template_call *c, struct json_object **out);
int template_f_eq(struct template_call *c, struct json_object **out);
int template_f_ne(struct template_call *c, struct json_object **out);
int template_f_lt(struct template_call *c, struct json_object **out);
int template_f_le(struct template_call *c, struct json_object **out);
int template_f_gt(struct template_call *c, struct json_object **out);
int template_f_ge(struct template_call *c, struct json_object **out);

#endif
