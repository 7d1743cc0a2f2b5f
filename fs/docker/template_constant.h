/* SPDX-License-Identifier: MIT */
/* Constants as Go writes them: strings, characters, numbers. Pure. */
#ifndef FS_TEMPLATE_CONSTANT_H
#define FS_TEMPLATE_CONSTANT_H

#include "store/base/err.h"

#include <json-c/json.h>
#include <stddef.h>

/* at[0, len) is the constant, with its quotes. *out is a new reference. -EINVAL with Go's sentence,
 * -ENOMEM. */
int template_constant_text(const char *at, size_t len, struct json_object **out, struct err *err);
int template_constant_character(const char *at, size_t len, struct json_object **out,
				struct err *err);
int template_constant_number(const char *at, size_t len, struct json_object **out, struct err *err);

/* The shortest text that reads as that number, as Go's %v. */
#define TEMPLATE_FLOAT_MAX 40
const char *template_constant_float(double value, char text[static TEMPLATE_FLOAT_MAX]);

#endif
