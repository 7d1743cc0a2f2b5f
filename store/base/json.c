/* SPDX-License-Identifier: MIT */
#include "store/base/json.h"

#include "store/base/mem.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static void tokener_free(struct json_tokener **t)
{
	if (*t)
		json_tokener_free(*t);
}

/* The text is known to be one value. json-c ends within it, with a part as if that were all, where
 * its memory ran out. */
static bool is_blank_from(const char *data, size_t at, size_t len)
{
	while (at < len && strchr(" \t\r\n", data[at]) && data[at])
		at++;
	return at >= len;
}

int json_parse(const char *data, size_t len, struct json_object **out, struct err *err)
{
	/* json-c counts the value below the last container as a level of its own. */
	__attribute__((cleanup(tokener_free))) struct json_tokener *t =
	    json_tokener_new_ex(JSON_DEPTH_MAX + 2);
	struct json_object *o;
	size_t end;
	int r;

	if (!t)
		return err_nomem(err);
	if (len > INT_MAX)
		return err_set(err, EPROTO, "invalid JSON: larger than 2 GiB");
	r = json_check(data, len, err);
	if (r)
		return r;
	o = json_tokener_parse_ex(t, data, (int)len);
	end = json_tokener_get_parse_end(t);
	if (json_tokener_get_error(t) == json_tokener_continue) /* a number that may go on */
		o = json_tokener_parse_ex(t, "", 1);
	if (json_tokener_get_error(t) != json_tokener_success) {
		json_object_put(o);
		return err_set(err, EPROTO, "invalid JSON at byte %zu: %s",
			       json_tokener_get_parse_end(t),
			       json_tokener_error_desc(json_tokener_get_error(t)));
	}
	if (!is_blank_from(data, end, len)) {
		json_object_put(o);
		return err_nomem(err);
	}
	*out = o;
	return 0;
}

struct json_object *json_member(const struct json_object *o, const char *key)
{
	struct json_object *found = NULL;

	if (json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, key, &found);
	return found;
}

static struct json_object *member_of_type(const struct json_object *o, const char *key,
					  enum json_type type)
{
	struct json_object *found = json_member(o, key);

	return json_object_is_type(found, type) ? found : NULL;
}

const char *json_text(const struct json_object *o)
{
	struct json_object *s = (struct json_object *)o; /* json-c's getters are not const */
	const char *text;

	if (!json_object_is_type(o, json_type_string))
		return NULL;
	text = json_object_get_string(s);
	/* A NUL would hide what stands behind it from whoever reads it as a C string. */
	return strlen(text) == (size_t)json_object_get_string_len(s) ? text : NULL;
}

const char *json_string(const struct json_object *o, const char *key)
{
	return json_text(json_member(o, key));
}

struct json_object *json_array(const struct json_object *o, const char *key)
{
	return member_of_type(o, key, json_type_array);
}

struct json_object *json_map(const struct json_object *o, const char *key)
{
	return member_of_type(o, key, json_type_object);
}

bool json_is_true(const struct json_object *o, const char *key)
{
	struct json_object *b = member_of_type(o, key, json_type_boolean);

	return b && json_object_get_boolean(b);
}

int json_u64(const struct json_object *o, const char *key, uint64_t max, uint64_t *out,
	     struct err *err)
{
	struct json_object *n = member_of_type(o, key, json_type_int);
	uint64_t v;

	if (!n)
		return err_set(err, EPROTO, "\"%s\" is missing or no whole number", key);
	if (json_object_get_int64(n) < 0)
		return err_set(err, EPROTO, "\"%s\" is negative", key);
	v = json_object_get_uint64(n);
	if (v > max)
		return err_set(err, EPROTO, "\"%s\" is too large", key);
	*out = v;
	return 0;
}

bool json_add(struct json_object *o, const char *key, struct json_object *value)
{
	if (o && value && json_object_object_add(o, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

bool json_add_text(struct json_object *o, const char *key, const char *text)
{
	return json_add(o, key, json_object_new_string(text));
}
