/* SPDX-License-Identifier: MIT */
/*
 * The variables of a Go template: $name, declared with := and seen up to the end of the block.
 * A stack; not thread safe.
 */
#ifndef FS_TEMPLATE_VARS_H
#define FS_TEMPLATE_VARS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define TEMPLATE_VARS_MAX     16
#define TEMPLATE_VAR_NAME_MAX 32

struct template_vars {
	struct {
		char name[TEMPLATE_VAR_NAME_MAX];
		struct json_object *value; /* a reference; NULL is Go's nil */
	} at[TEMPLATE_VARS_MAX];
	size_t count;
};

/* Takes the value. False where there is no room. */
bool template_vars_declare(struct template_vars *v, const char *name, struct json_object *value);

/* The latest of that name: false where there is none. Set takes the value, get lends it. */
bool template_vars_set(struct template_vars *v, const char *name, struct json_object *value);
bool template_vars_get(const struct template_vars *v, const char *name, struct json_object **out);

/* Forgets what was declared since there were `count`: 0 for all. */
void template_vars_forget(struct template_vars *v, size_t count);

#endif
