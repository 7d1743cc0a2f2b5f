/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_vars.h"

#include <stdio.h>
#include <string.h>

bool template_vars_declare(struct template_vars *v, const char *name, struct json_object *value)
{
	if (v->count == TEMPLATE_VARS_MAX) {
		json_object_put(value);
		return false;
	}
	snprintf(v->at[v->count].name, TEMPLATE_VAR_NAME_MAX, "%s", name);
	v->at[v->count++].value = value;
	return true;
}

/* Its place + 1; 0: none. */
static size_t template_vars_find(const struct template_vars *v, const char *name)
{
	size_t i = v->count;

	while (i > 0 && strcmp(v->at[i - 1].name, name) != 0)
		i--;
	return i;
}

bool template_vars_set(struct template_vars *v, const char *name, struct json_object *value)
{
	size_t i = template_vars_find(v, name);

	if (!i) {
		json_object_put(value);
		return false;
	}
	json_object_put(v->at[i - 1].value);
	v->at[i - 1].value = value;
	return true;
}

bool template_vars_get(const struct template_vars *v, const char *name, struct json_object **out)
{
	size_t i = template_vars_find(v, name);

	if (i)
		*out = v->at[i - 1].value;
	return i > 0;
}

void template_vars_forget(struct template_vars *v, size_t count)
{
	while (v->count > count)
		json_object_put(v->at[--v->count].value);
}
