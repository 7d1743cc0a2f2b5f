/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_vars.h"

#include <stdlib.h>
#include <string.h>

struct template_var {
	const char *name; /* borrowed */
	size_t len;
	struct json_object *value; /* a reference; NULL is Go's nil */
};

bool template_vars_declare(struct template_vars *v, const char *name, size_t len,
			   struct json_object *value)
{
	if (v->count == v->room) {
		size_t room = v->room ? 2 * v->room : 16;
		struct template_var *grown = reallocarray(v->at, room, sizeof(*grown));

		if (!grown) {
			json_object_put(value);
			return false;
		}
		v->at = grown;
		v->room = room;
	}
	v->at[v->count++] = (struct template_var){name, len, value};
	return true;
}

static struct template_var *template_vars_find(const struct template_vars *v, const char *name,
					       size_t len)
{
	for (size_t i = v->count; i > v->floor; i--)
		if (v->at[i - 1].len == len && !memcmp(v->at[i - 1].name, name, len))
			return &v->at[i - 1];
	return NULL;
}

bool template_vars_set(struct template_vars *v, const char *name, size_t len,
		       struct json_object *value)
{
	struct template_var *var = template_vars_find(v, name, len);

	if (!var) {
		json_object_put(value);
		return false;
	}
	json_object_put(var->value);
	var->value = value;
	return true;
}

bool template_vars_get(const struct template_vars *v, const char *name, size_t len,
		       struct json_object **out)
{
	const struct template_var *var = template_vars_find(v, name, len);

	if (var)
		*out = var->value;
	return var;
}

void template_vars_forget(struct template_vars *v, size_t count)
{
	while (v->count > count)
		json_object_put(v->at[--v->count].value);
}

void template_vars_clear(struct template_vars *v)
{
	v->floor = 0;
	template_vars_forget(v, 0);
	free(v->at);
}
