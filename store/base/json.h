/* SPDX-License-Identifier: MIT */
/*
 * JSON documents from outside, read by json-c behind a strict check of our own:
 * json-c lets duplicate keys, NUL in keys, NaN and overlarge numbers pass. The
 * check follows RFC 8259: UTF-8, no duplicate keys (also not by case), depth at most
 * 32, no bytes behind the value, at most JSON_VALUES_MAX values.
 *
 * Getters are typed and total: a member that is missing or of another type is
 * NULL, or an error where the function has one. They borrow from the document.
 */
#ifndef STORE_JSON_H
#define STORE_JSON_H

#include "store/base/err.h"
#include "store/base/json_check.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses a whole document of up to 2 GiB into *out (json_object_put frees it). -EPROTO: it breaks a
 * rule; the sentence gives the byte offset and the rule. */
int json_parse(const char *data, size_t len, struct json_object **out, struct err *err);

/* The text of a string; NULL if it has another type, or a NUL within. */
const char *json_text(const struct json_object *o);

struct json_object *json_member(const struct json_object *o, const char *key);
const char *json_string(const struct json_object *o,
			const char *key); /* NULL: absent or no string */
struct json_object *json_array(const struct json_object *o, const char *key);
struct json_object *json_map(const struct json_object *o, const char *key);
bool json_is_true(const struct json_object *o, const char *key); /* absent: false */

/* Gives a whole number within [0, max]. -EPROTO: absent, of another type, or outside. */
int json_u64(const struct json_object *o, const char *key, uint64_t max, uint64_t *out,
	     struct err *err);

/* Adds a member; takes the value, also on failure. False: out of memory. o or value may be NULL, which
 * is also false: so a caller need not check whether they could be made. */
bool json_add(struct json_object *o, const char *key, struct json_object *value);
bool json_add_text(struct json_object *o, const char *key, const char *text);

static inline void json_put_at(struct json_object **o)
{
	json_object_put(*o);
}
/* The flags of json_object_to_json_string_ext by which documents are written. */
#define JSON_TEXT_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

#define autojson __attribute__((cleanup(json_put_at))) struct json_object

#endif
