/* SPDX-License-Identifier: MIT */
/* The functions of Go templates, and docker's. Pure. */
#ifndef FS_TEMPLATE_FUNCTION_H
#define FS_TEMPLATE_FUNCTION_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define TEMPLATE_ARGUMENTS_MAX 16

/* *out is a new reference; with `headers`, the first argument where the function is only about
 * looks. -ENOENT no such function, -EINVAL wrong arguments, -ENOMEM. */
int template_call(const char *name, struct json_object *const *args, size_t count, bool headers,
		  struct json_object **out);

#endif
