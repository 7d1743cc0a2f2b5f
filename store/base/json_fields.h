/* SPDX-License-Identifier: MIT */
/*
 * A small JSON document as a flat list of its members, without an allocation for each: for
 * documents that come by the ten thousand. It is checked as strictly as any other (json_check.h).
 * The list has the members of the outermost object and, behind each member that is an object, that
 * one's members. Deeper members are only checked. One thread at a time.
 */
#ifndef STORE_JSON_FIELDS_H
#define STORE_JSON_FIELDS_H

#include "store/base/buf.h"
#include "store/base/err.h"

#define JSON_FIELD_LEVELS 2

enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_WHOLE,
	JSON_FRACTION,
	JSON_STRING,
	JSON_OBJECT,
	JSON_ARRAY
};

struct json_field {
	const char *key;  /* escapes resolved; a NUL behind */
	const char *text; /* of a string: the same; it may have a NUL within, too */
	size_t key_len, len;
	uint64_t number; /* of a JSON_WHOLE, without its sign */
	enum json_kind kind;
	unsigned level; /* 1: of the outermost object */
	bool negative;	/* below 0 */
};

struct json_fields {
	const char *source; /* borrowed: the document */
	size_t source_len;
	struct buf list;	 /* of struct json_field */
	struct buf text;	 /* the keys and strings that the fields point to */
	struct buf keys, folded; /* scratch of the check */
};

/* Reads a document into *f: zeros, or used before (its old fields are lost). -EPROTO: as json_check. */
int json_fields_read(struct json_fields *f, const char *data, size_t len, struct err *err);
void json_fields_free(struct json_fields *f);
#define autofields __attribute__((cleanup(json_fields_free))) struct json_fields

/* The member `key` of the outermost object; NULL: absent, or null. */
const struct json_field *json_field(const struct json_fields *f, const char *key);

/* The text of a string; NULL if o is NULL, has another type, or a NUL within. */
const char *json_field_text(const struct json_field *o);

/* Counts the members of `o`, an object that is a member of the outermost one, and sets *first. */
size_t json_field_members(const struct json_fields *f, const struct json_field *o,
			  const struct json_field **first);

#endif
