/* SPDX-License-Identifier: MIT */
#include "fs/template_value.h"

#include "fs/json_text.h"
#include "store/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool template_truth(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return json_object_get_boolean(value);
	case json_type_int:
		return json_object_get_int64(value) != 0;
	case json_type_double:
		return json_object_get_double(value) != 0;
	case json_type_string:
		return json_object_get_string_len(value) > 0;
	case json_type_array:
		return json_object_array_length(value) > 0;
	case json_type_object:
		return json_object_object_length(value) > 0;
	default:
		return false;
	}
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of an object in Go's order; the caller frees the array. */
static const char **sorted_keys(struct json_object *o, size_t *count)
{
	const char **keys;
	size_t n = 0;

	*count = (size_t)json_object_object_length(o);
	keys = calloc(*count + 1, sizeof(*keys));
	if (!keys)
		return NULL;
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		keys[n++] = key;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	return keys;
}

static void print_object(struct buf *out, struct json_object *o)
{
	size_t count;
	autofree const char **keys = sorted_keys(o, &count);

	buf_puts(out, "map[");
	for (size_t i = 0; keys && i < count; i++) {
		buf_printf(out, "%s%s:", i ? " " : "", keys[i]);
		template_print(out, json_object_object_get(o, keys[i]));
	}
	buf_putc(out, ']');
}

void template_print(struct buf *out, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		buf_puts(out, "<no value>");
		break;
	case json_type_string:
		buf_append(out, json_object_get_string(value),
			   (size_t)json_object_get_string_len(value));
		break;
	case json_type_array:
		buf_putc(out, '[');
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (i)
				buf_putc(out, ' ');
			template_print(out, json_object_array_get_idx(value, i));
		}
		buf_putc(out, ']');
		break;
	case json_type_object:
		print_object(out, value);
		break;
	default:
		buf_puts(out, json_object_get_string(value));
	}
}

size_t template_elements(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array))
		return json_object_array_length(value);
	return json_object_is_type(value, json_type_object)
		   ? (size_t)json_object_object_length(value)
		   : 0;
}

struct json_object *template_element(struct json_object *value, size_t i)
{
	size_t count;
	autofree const char **keys = NULL;

	if (json_object_is_type(value, json_type_array))
		return json_object_get(json_object_array_get_idx(value, i));
	if (!json_object_is_type(value, json_type_object))
		return NULL;
	keys = sorted_keys(value, &count);
	return keys && i < count ? json_object_get(json_object_object_get(value, keys[i])) : NULL;
}

struct json_object *template_key(struct json_object *value, size_t i)
{
	size_t count;
	autofree const char **keys = NULL;

	if (!json_object_is_type(value, json_type_object))
		return json_object_new_int64((int64_t)i);
	keys = sorted_keys(value, &count);
	return keys && i < count ? json_object_new_string(keys[i]) : NULL;
}

static const char zero_mark;

struct json_object *template_zero(enum json_type type)
{
	struct json_object *zero = type == json_type_array    ? json_object_new_array()
				   : type == json_type_object ? json_object_new_object()
							      : json_object_new_string("");

	if (zero)
		json_object_set_userdata(zero, (void *)&zero_mark, NULL);
	return zero;
}

static bool is_zero(struct json_object *value)
{
	return value && json_object_get_userdata(value) == &zero_mark;
}

/* The value without members that are zero: a new reference. */
static struct json_object *without_zeros(struct json_object *value)
{
	struct json_object *copy;

	if (!json_object_is_type(value, json_type_object))
		return json_object_get(value);
	copy = json_object_new_object();
	json_object_object_foreach(value, key, member)
	{
		if (copy && !is_zero(member))
			json_object_object_add(copy, key, without_zeros(member));
	}
	return copy;
}

void template_json(struct buf *out, struct json_object *value)
{
	bool null = is_zero(value) && !json_object_is_type(value, json_type_string);
	autojson *known = null ? NULL : without_zeros(value);

	json_text_line(out, known, JSON_TEXT_PLAIN);
}
