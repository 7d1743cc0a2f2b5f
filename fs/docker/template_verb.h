/* SPDX-License-Identifier: MIT */
/* One verb of a format with its flags, and a value printed by it (package fmt's print.go and
 * format.go). Pure. */
#ifndef FS_TEMPLATE_VERB_H
#define FS_TEMPLATE_VERB_H

#include "store/base/buf.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define TEMPLATE_VERB_WIDTH_MAX 10000 /* Go ignores a larger width */

struct template_verb {
	bool minus, plus, sharp, space, zero;
	bool has_width, has_precision;
	size_t width, precision;
	const char *letter; /* a character of UTF-8, in the format */
	size_t letter_len;
};

void template_verb_print(struct buf *out, const struct template_verb *v, struct json_object *value);

/* "string", "[]string": what %T says. */
const char *template_verb_type(struct json_object *value);

#endif
