/* SPDX-License-Identifier: MIT */
/*
 * A small JSON document as a flat list of its members, without an allocation for each: for those
 * that come by the ten thousand. It is checked as strictly as any other (json_check.h). Kept
 * are the members of the outermost object, and those of objects in it, each behind its owner; what lies deeper
 * is only checked. Members that are null are as good as absent. One thread at a time.
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
	const char *key;  /* escapes resolved, a NUL behind, as has text */
	const char *text; /* of a string; it may have a NUL within */
	size_t key_len, len;
	uint64_t number; /* of a whole number, without its sign */
	enum json_kind kind;
	unsigned level; /* 1: of the outermost object */
	bool negative;	/* below 0 */
};

struct json_fields {
	const char *source; /* borrowed: what they were read from */
	size_t source_len;
	struct buf list;	 /* of struct json_field */
	struct buf text;	 /* what they point to */
	struct buf keys, folded; /* scratch of the check */
};

/* *f is zeros, or of a call before, whose fields end here. -EPROTO as json_check has it. */
int json_fields_read(struct json_fields *f, const char *data, size_t len, struct err *err);
void json_fields_free(struct json_fields *f);
#define autofields __attribute__((cleanup(json_fields_free))) struct json_fields

/* The member `key` of the outermost object; NULL: absent, or null. */
const struct json_field *json_field(const struct json_fields *f, const char *key);

/* The text of a string without a NUL; else NULL, as for o == NULL. */
const char *json_field_text(const struct json_field *o);

/* The members of an object that is itself a member of the outermost; how many. */
size_t json_field_members(const struct json_fields *f, const struct json_field *o,
			  const struct json_field **first);

#endif
