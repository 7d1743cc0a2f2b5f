/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_value.h"

#include "store/base/json.h"
#include "store/base/mem.h"

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

static uint64_t weight_of_members(struct json_object *o)
{
	uint64_t weight = 0;

	json_object_object_foreach(o, key, member)
	{
		weight += strlen(key) + template_weight(member);
	}
	return weight;
}

uint64_t template_weight(struct json_object *value)
{
	uint64_t weight = TEMPLATE_STEP;

	switch (json_object_get_type(value)) {
	case json_type_string:
		return weight + (uint64_t)json_object_get_string_len(value);
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++)
			weight += template_weight(json_object_array_get_idx(value, i));
		return weight;
	case json_type_object:
		return weight + weight_of_members(value);
	default:
		return weight;
	}
}

static int template_value_compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool template_items_open(struct json_object *value, struct template_items *out)
{
	size_t n = 0;

	*out = (struct template_items){.value = value};
	if (json_object_is_type(value, json_type_array))
		out->count = json_object_array_length(value);
	if (!json_object_is_type(value, json_type_object))
		return true;
	out->count = (size_t)json_object_object_length(value);
	out->keys = calloc(out->count + 1, sizeof(*out->keys));
	if (!out->keys) {
		out->count = 0;
		return false;
	}
	json_object_object_foreach(value, key, member)
	{
		(void)member;
		out->keys[n++] = key;
	}
	qsort(out->keys, n, sizeof(*out->keys), template_value_compare_keys);
	return true;
}

void template_items_close(struct template_items *items)
{
	free(items->keys);
}

static struct json_object *item_at(const struct template_items *items, size_t i)
{
	return items->keys ? json_member(items->value, items->keys[i])
			   : json_object_array_get_idx(items->value, i);
}

struct json_object *template_items_value(const struct template_items *items, size_t i)
{
	return json_object_get(item_at(items, i));
}

struct json_object *template_items_key(const struct template_items *items, size_t i)
{
	return items->keys ? json_object_new_string(items->keys[i])
			   : json_object_new_int64((int64_t)i);
}

static void print_items(struct buf *out, struct json_object *value)
{
	autoitems items;

	if (!template_items_open(value, &items))
		out->failed = true;
	buf_puts(out, items.keys ? "map[" : "[");
	for (size_t i = 0; i < items.count && out->len <= TEMPLATE_TEXT_MAX; i++) {
		if (i)
			buf_putc(out, ' ');
		if (items.keys) {
			buf_puts(out, items.keys[i]);
			buf_putc(out, ':');
		}
		template_print(out, item_at(&items, i));
	}
	buf_putc(out, ']');
}

void template_print(struct buf *out, struct json_object *value)
{
	const char *text;

	switch (json_object_get_type(value)) {
	case json_type_null:
		buf_puts(out, "<nil>");
		break;
	case json_type_array:
	case json_type_object:
		print_items(out, value);
		break;
	case json_type_string:
		buf_append(out, json_object_get_string(value),
			   (size_t)json_object_get_string_len(value));
		break;
	default:
		text = json_object_get_string(value);
		if (text)
			buf_puts(out, text);
		else
			out->failed = true;
	}
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

static bool has_zeros(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_object))
		return false;
	json_object_object_foreach(value, key, member)
	{
		(void)key;
		if (is_zero(member) || has_zeros(member))
			return true;
	}
	return false;
}

/* The value without members that are zero: a new reference. */
static struct json_object *without_zeros(struct json_object *value)
{
	struct json_object *copy;

	if (!has_zeros(value))
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

	json_text_line(out, known, JSON_TEXT_PLAIN, NULL);
}
