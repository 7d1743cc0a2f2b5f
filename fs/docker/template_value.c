/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_value.h"

#include "fs/docker/template_constant.h"
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
		return !template_is_nil(value) &&
		       (template_struct(value) || json_object_object_length(value) > 0);
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

/* ---- marks ---- */

/* json-c 0.19 takes what is left as user data of a container that it frees for the container's parent. */
static void unmark(struct json_object *value, void *mark)
{
	static _Thread_local bool inside; /* setting user data frees the old ones first */

	(void)mark;
	if (inside)
		return;
	inside = true;
	json_object_set_userdata(value, NULL, NULL);
	inside = false;
}

void template_mark(struct json_object *value, const struct template_mark *mark)
{
	if (value)
		json_object_set_userdata(value, (void *)mark, unmark);
}

/* json-c keeps the text of a parsed number where marks are. */
static const struct template_mark *mark_of(struct json_object *value)
{
	return value && !json_object_is_type(value, json_type_double)
		   ? json_object_get_userdata(value)
		   : NULL;
}

static bool is_marked(struct json_object *value, enum template_mark_kind kind)
{
	const struct template_mark *m = mark_of(value);

	return m && m->kind == kind;
}

const char *template_struct(struct json_object *value)
{
	return is_marked(value, MARK_STRUCT) || is_marked(value, MARK_NIL) ? mark_of(value)->type
									   : NULL;
}

bool template_is_nil(struct json_object *value)
{
	return is_marked(value, MARK_NIL);
}

bool template_is_marked(struct json_object *value)
{
	const struct template_mark *m = mark_of(value);

	return m && m->kind != MARK_ALIAS && m->kind;
}

const char *template_type(struct json_object *value)
{
	if (template_struct(value))
		return template_struct(value);
	switch (json_object_get_type(value)) {
	case json_type_null:
		return "nil";
	case json_type_boolean:
		return "bool";
	case json_type_int:
		return "int";
	case json_type_double:
		return "float64";
	case json_type_string:
		return "string";
	case json_type_array:
		return "[]interface {}";
	default:
		return "map[string]interface {}";
	}
}

/* "1.5s", without zeros at the end. */
static void print_fraction(struct buf *out, uint64_t n, uint64_t of, const char *unit)
{
	uint64_t rest = n % of;

	buf_printf(out, "%llu", (unsigned long long)(n / of));
	for (const char *point = "."; rest; point = "") {
		of /= 10;
		buf_printf(out, "%s%llu", point, (unsigned long long)(rest / of));
		rest %= of;
	}
	buf_puts(out, unit);
}

static void print_duration(struct buf *out, int64_t ns)
{
	uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, second = 1000000000;

	buf_puts(out, ns < 0 ? "-" : "");
	if (!n)
		buf_puts(out, "0s");
	else if (n < 1000)
		print_fraction(out, n, 1, "ns");
	else if (n < 1000000)
		print_fraction(out, n, 1000, "\xc2\xb5s");
	else if (n < second)
		print_fraction(out, n, 1000000, "ms");
	if (!n || n < second)
		return;
	if (n >= 3600 * second)
		buf_printf(out, "%lluh", (unsigned long long)(n / second / 3600));
	if (n >= 60 * second)
		buf_printf(out, "%llum", (unsigned long long)(n / second / 60 % 60));
	print_fraction(out, n % (60 * second), second, "s");
}

/* "2024-01-02T03:04:05.5Z" is "2024-01-02 03:04:05.5 +0000 UTC". */
static void print_time(struct buf *out, const char *text)
{
	const char *t = strchr(text, 'T'), *end = text + strlen(text);

	if (!t || end[-1] != 'Z') {
		buf_puts(out, text);
		return;
	}
	end--;
	while (strchr(t, '.') && (end[-1] == '0' || end[-1] == '.') && end > strchr(t, '.'))
		end--;
	buf_append(out, text, (size_t)(t - text));
	buf_printf(out, " %.*s +0000 UTC", (int)(end - t - 1), t + 1);
}

/* The values of its members, as Go shows a struct. */
static void print_struct(struct buf *out, struct json_object *value)
{
	const char *sign = "{";

	json_object_object_foreach(value, key, member)
	{
		(void)key;
		if (out->len > TEMPLATE_TEXT_MAX)
			break;
		buf_puts(out, sign);
		template_print(out, member);
		sign = " ";
	}
	buf_puts(out, *sign == '{' ? "{}" : "}");
}

/* False where it is not marked as something that prints otherwise. */
static bool print_as_marked(struct buf *out, struct json_object *value)
{
	const struct template_mark *m = mark_of(value);

	switch (m ? m->kind : 0) {
	case MARK_STRUCT:
		print_struct(out, value);
		return true;
	case MARK_NIL:
		buf_puts(out, "<nil>");
		return true;
	case MARK_UNIT:
		buf_puts(out, "{}");
		return true;
	case MARK_DURATION:
		print_duration(out, json_object_get_int64(value));
		return true;
	case MARK_TIME:
		print_time(out, json_object_get_string(value));
		return true;
	default:
		return false;
	}
}

/* ---- text ---- */

void template_print(struct buf *out, struct json_object *value)
{
	char number[TEMPLATE_FLOAT_MAX];
	const char *text;

	if (print_as_marked(out, value))
		return;
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
	case json_type_double:
		buf_puts(out, template_constant_float(json_object_get_double(value), number));
		break;
	default:
		text = json_object_get_string(value);
		if (text)
			buf_puts(out, text);
		else
			out->failed = true;
	}
}

static const struct template_mark zero_mark;

struct json_object *template_zero(enum json_type type)
{
	struct json_object *zero = type == json_type_array    ? json_object_new_array()
				   : type == json_type_object ? json_object_new_object()
							      : json_object_new_string("");

	template_mark(zero, &zero_mark);
	return zero;
}

/* What JSON has no member for. */
static bool is_zero(struct json_object *value)
{
	const struct template_mark *m = mark_of(value);

	return m &&
	       (m == &zero_mark || m->left_out || m->kind == MARK_NIL || m->kind == MARK_ALIAS);
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
	bool null = template_is_nil(value) ||
		    (mark_of(value) == &zero_mark && !json_object_is_type(value, json_type_string));
	autojson *known = null ? NULL : without_zeros(value);

	if (json_object_is_type(known, json_type_double))
		template_print(out, known);
	else
		json_text_line(out, known, JSON_TEXT_PLAIN, NULL);
}
