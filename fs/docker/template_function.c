/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_function.h"

#include "fs/docker/template_printf.h"
#include "fs/docker/template_value.h"
#include "store/base/json.h"

#include <errno.h>
#include <string.h>

/* ---- for all of them ---- */

int template_text(struct template_call *c, size_t i, const char **text, size_t *len)
{
	struct json_object *value = c->args[i];

	if (!json_object_is_type(value, json_type_string))
		return err_set(c->err, EINVAL, "expected string; found %s", template_type(value));
	*text = json_object_get_string(value);
	*len = (size_t)json_object_get_string_len(value);
	return 0;
}

int template_number(struct template_call *c, size_t i, int64_t *out)
{
	struct json_object *value = c->args[i];

	if (!json_object_is_type(value, json_type_int))
		return err_set(c->err, EINVAL, "expected integer; found %s", template_type(value));
	*out = json_object_get_int64(value);
	return 0;
}

int template_give_value(struct template_call *c, struct json_object *value,
			struct json_object **out)
{
	*out = value;
	return value ? 0 : err_nomem(c->err);
}

int template_give(struct template_call *c, const struct buf *text, struct json_object **out)
{
	c->work += text->len;
	if (buf_failed(text))
		return err_nomem(c->err);
	if (text->len > TEMPLATE_TEXT_MAX)
		return err_set(c->err, EINVAL, "a text of more than %u bytes", TEMPLATE_TEXT_MAX);
	return template_give_value(
	    c, json_object_new_string_len(text->data ? text->data : "", (int)text->len), out);
}

static int give_truth(struct template_call *c, bool truth, struct json_object **out)
{
	return template_give_value(c, json_object_new_boolean(truth), out);
}

/* ---- parts of a value ---- */

/* The place in a list or text of `len` that an argument names; `end`: behind its last, too. */
static int take_place(struct template_call *c, size_t i, size_t len, bool end, size_t *out)
{
	struct json_object *value = c->args[i];
	int64_t n;

	if (!value)
		return err_set(c->err, EINVAL, "cannot index slice/array with nil");
	if (!json_object_is_type(value, json_type_int))
		return err_set(c->err, EINVAL, "cannot index slice/array with type %s",
			       template_type(value));
	n = json_object_get_int64(value);
	if (n < 0 || (uint64_t)n >= (uint64_t)len + end)
		return err_set(c->err, EINVAL, "index out of range: %lld", (long long)n);
	*out = (size_t)n;
	return 0;
}

/* A member of a map, borrowed; NULL where it lacks it. */
static int take_member(struct template_call *c, struct json_object *map, size_t i,
		       struct json_object **out)
{
	struct json_object *key = c->args[i];

	if (!key)
		return err_set(c->err, EINVAL, "value is nil; should be of type string");
	if (!json_object_is_type(key, json_type_string))
		return err_set(c->err, EINVAL, "value has type %s; should be string",
			       template_type(key));
	c->work += (uint64_t)json_object_get_string_len(key);
	/* A key with a NUL byte is none of JSON's (store/base/json_check.h). */
	*out = json_text(key) ? json_member(map, json_text(key)) : NULL;
	return 0;
}

/* One step into a value: a new reference; of text it is the byte, as in Go. */
static int take_part(struct template_call *c, struct json_object *at, size_t i,
		     struct json_object **out)
{
	struct json_object *member = NULL;
	size_t place;
	int r;

	switch (json_object_get_type(at)) {
	case json_type_null:
		return err_set(c->err, EINVAL, "index of %s",
			       i == 1 ? "untyped nil" : "nil pointer");
	case json_type_object:
		r = take_member(c, at, i, &member);
		*out = json_object_get(member);
		return r;
	case json_type_array:
		r = take_place(c, i, json_object_array_length(at), false, &place);
		*out = r ? NULL : json_object_get(json_object_array_get_idx(at, place));
		return r;
	case json_type_string:
		r = take_place(c, i, (size_t)json_object_get_string_len(at), false, &place);
		return r ? r
			 : template_give_value(c,
					       json_object_new_int((
						   unsigned char)json_object_get_string(at)[place]),
					       out);
	default:
		return err_set(c->err, EINVAL, "can't index item of type %s", template_type(at));
	}
}

/* What a map lacks is empty text, as in Go's map[string]string. */
static int f_index(struct template_call *c, struct json_object **out)
{
	autojson *at = json_object_get(c->args[0]);
	bool map = false;

	if (!at)
		return err_set(c->err, EINVAL, "index of untyped nil");
	for (size_t i = 1; i < c->count; i++) {
		struct json_object *part = NULL;
		int r = take_part(c, at, i, &part);

		if (r)
			return r;
		map = json_object_is_type(at, json_type_object);
		json_object_put(at);
		at = part;
	}
	if (!at && map)
		return template_give_value(c, json_object_new_string(""), out);
	*out = json_object_get(at);
	return 0;
}

static int f_len(struct template_call *c, struct json_object **out)
{
	struct json_object *value = c->args[0];

	switch (json_object_get_type(value)) {
	case json_type_string:
		return template_give_value(
		    c, json_object_new_int(json_object_get_string_len(value)), out);
	case json_type_array:
		return template_give_value(
		    c, json_object_new_int64((int64_t)json_object_array_length(value)), out);
	case json_type_object:
		return template_give_value(c, json_object_new_int(json_object_object_length(value)),
					   out);
	default:
		return err_set(c->err, EINVAL, "len of type %s", template_type(value));
	}
}

static int slice_array(struct template_call *c, size_t from, size_t to, struct json_object **out)
{
	autojson *part = json_object_new_array_ext((int)(to - from) + 1);

	c->work += 16 * (to - from);
	for (; part && from < to; from++) {
		struct json_object *item =
		    json_object_get(json_object_array_get_idx(c->args[0], from));

		if (json_object_array_add(part, item)) {
			json_object_put(item);
			return err_nomem(c->err);
		}
	}
	return template_give_value(c, json_object_get(part), out);
}

/* "slice x 1 3" is Go's x[1:3], of text in bytes. */
static int f_slice(struct template_call *c, struct json_object **out)
{
	struct json_object *value = c->args[0];
	bool text = json_object_is_type(value, json_type_string);
	size_t len, from = 0, to;
	int r = 0;

	if (!value)
		return err_set(c->err, EINVAL, "slice of untyped nil");
	if (c->count > 4)
		return err_set(c->err, EINVAL, "too many slice indexes: %zu", c->count - 1);
	if (c->count > 3)
		return err_set(c->err, EINVAL, "cannot 3-index slice a %s",
			       text ? "string" : "value of JSON");
	if (!text && !json_object_is_type(value, json_type_array))
		return err_set(c->err, EINVAL, "can't slice item of type %s", template_type(value));
	len = text ? (size_t)json_object_get_string_len(value) : json_object_array_length(value);
	to = len;
	if (c->count > 1)
		r = take_place(c, 1, len, true, &from);
	if (!r && c->count > 2)
		r = take_place(c, 2, len, true, &to);
	if (!r && from > to)
		r = err_set(c->err, EINVAL, "invalid slice index: %zu > %zu", from, to);
	if (r)
		return r;
	if (!text)
		return slice_array(c, from, to, out);
	c->work += to - from;
	return template_give_value(
	    c, json_object_new_string_len(json_object_get_string(value) + from, (int)(to - from)),
	    out);
}

/* ---- the rest ---- */

static int f_json(struct template_call *c, struct json_object **out)
{
	autobuf text = BUF_INIT;

	template_json(&text, c->args[0]);
	return template_give(c, &text, out);
}

static int f_printf(struct template_call *c, struct json_object **out)
{
	autobuf text = BUF_INIT;
	const char *format;
	size_t len;
	int r = template_text(c, 0, &format, &len);

	if (!r)
		template_printf(&text, format, c->args + 1, c->count - 1);
	return r ? r : template_give(c, &text, out);
}

static int f_not(struct template_call *c, struct json_object **out)
{
	return give_truth(c, !template_truth(c->args[0]), out);
}

/* and, or and call are of the one who runs the template (template_eval.c). */
static int f_none(struct template_call *c, struct json_object **out)
{
	*out = NULL;
	return err_set(c->err, EINVAL, "is not called so");
}

#define ANY TEMPLATE_ARGUMENTS_MAX

static const struct template_function functions[] = {
    {"json", f_json, 1, 1, true, true, NULL},
    {"upper", template_f_upper, 1, 1, true, false, "s"},
    {"lower", template_f_lower, 1, 1, true, false, "s"},
    {"title", template_f_title, 1, 1, true, false, "s"},
    {"join", template_f_join, 2, 2, true, true, "ls"},
    {"split", template_f_split, 2, 2, true, false, "ss"},
    {"truncate", template_f_truncate, 2, 2, true, false, "si"},
    {"pad", template_f_pad, 3, 3, false, false, "sii"},
    {"len", f_len, 1, 1, false, false, NULL},
    {"index", f_index, 1, ANY, false, false, NULL},
    {"slice", f_slice, 1, ANY, false, false, NULL},
    {"print", template_f_print, 0, ANY, false, true, NULL},
    {"println", template_f_println, 0, ANY, false, true, NULL},
    {"printf", f_printf, 1, ANY, false, true, "s"},
    {"html", template_f_html, 0, ANY, false, true, NULL},
    {"js", template_f_js, 0, ANY, false, true, NULL},
    {"urlquery", template_f_urlquery, 0, ANY, false, true, NULL},
    {"eq", template_f_eq, 1, ANY, false, true, NULL},
    {"ne", template_f_ne, 2, 2, false, true, NULL},
    {"lt", template_f_lt, 2, 2, false, true, NULL},
    {"le", template_f_le, 2, 2, false, true, NULL},
    {"gt", template_f_gt, 2, 2, false, true, NULL},
    {"ge", template_f_ge, 2, 2, false, true, NULL},
    {"not", f_not, 1, 1, false, false, NULL},
    {"and", f_none, 1, ANY, false, false, NULL},
    {"or", f_none, 1, ANY, false, false, NULL},
    {"call", f_none, 1, ANY, false, false, NULL},
};

const struct template_function *template_function_find(const char *name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(functions[i].name, name))
			return &functions[i];
	return NULL;
}

int template_call(const struct template_function *f, bool headers, struct template_call *c,
		  struct json_object **out)
{
	*out = NULL;
	if (!headers || !f->looks)
		return f->run(c, out);
	*out = json_object_get(c->args[0]);
	return 0;
}
