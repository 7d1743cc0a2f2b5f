/* SPDX-License-Identifier: MIT */
#include "store/base/json_fields.h"

#include <string.h>

void json_fields_free(struct json_fields *f)
{
	buf_free(&f->list);
	buf_free(&f->text);
	buf_free(&f->keys);
	buf_free(&f->folded);
}

static const struct json_field *json_fields_end(const struct json_fields *f)
{
	return (const struct json_field *)(const void *)f->list.data +
	       f->list.len / sizeof(struct json_field);
}

const struct json_field *json_field(const struct json_fields *f, const char *key)
{
	const struct json_field *at = (const void *)f->list.data, *end = json_fields_end(f);
	size_t len = strlen(key);

	for (; at < end; at++)
		if (at->key_len == len && at->key[0] == key[0] && at->level == 1 &&
		    memcmp(at->key, key, len) == 0)
			return at->kind == JSON_NULL ? NULL : at;
	return NULL;
}

const char *json_field_text(const struct json_field *o)
{
	return o && o->kind == JSON_STRING && strlen(o->text) == o->len ? o->text : NULL;
}

size_t json_field_members(const struct json_fields *f, const struct json_field *o,
			  const struct json_field **first)
{
	const struct json_field *end = json_fields_end(f), *at = o + 1;

	*first = at;
	while (at < end && at->level > o->level)
		at++;
	return (size_t)(at - *first);
}
