/* SPDX-License-Identifier: MIT */
/*
 * The variables of a Go template: $name, declared with := and seen up to the end of the block; the
 * first is $. A stack; not thread safe.
 */
#ifndef FS_TEMPLATE_VARS_H
#define FS_TEMPLATE_VARS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct template_var;

struct template_vars {
	struct template_var *at; /* owned */
	size_t count, room;
	size_t floor; /* the first that the running template sees */
};

/* Takes the value; `name` (with its $) is borrowed, and of `len` bytes. False: out of memory. */
bool template_vars_declare(struct template_vars *v, const char *name, size_t len,
			   struct json_object *value);

/* Sets, or gives, the latest variable of that name; false: there is none. Set takes the value, get lends
 * it. */
bool template_vars_set(struct template_vars *v, const char *name, size_t len,
		       struct json_object *value);
bool template_vars_get(const struct template_vars *v, const char *name, size_t len,
		       struct json_object **out);

/* Forgets what was declared since there were `count`. */
void template_vars_forget(struct template_vars *v, size_t count);
void template_vars_clear(struct template_vars *v);

#endif
