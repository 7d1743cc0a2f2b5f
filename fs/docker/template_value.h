/* SPDX-License-Identifier: MIT */
/*
 * The values of Go templates, as JSON values: what is true, and how they print. NULL is Go's nil.
 * Pure.
 */
#ifndef FS_TEMPLATE_VALUE_H
#define FS_TEMPLATE_VALUE_H

#include "fs/docker/json_text.h"
#include "store/base/buf.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#define TEMPLATE_STEP	  64		/* the work of a step, or of one value */
#define TEMPLATE_TEXT_MAX JSON_TEXT_MAX /* bytes of one text that is made, and of the output */

/* False for a value that is empty or zero. */
bool template_truth(struct json_object *value);

/* The work (template.h) that it takes to look at all of a value. */
uint64_t template_weight(struct json_object *value);

/* As Go's %v: text as it stands, [a b], map[k:v], <nil>. Ends early where out has become longer
 * than TEMPLATE_TEXT_MAX: a caller that prints several values looks at that. */
void template_print(struct buf *out, struct json_object *value);

/* The items of an array or object, in Go's order: each value, and its number or key. Another value has
 * none. The value is borrowed. */
struct template_items {
	struct json_object *value;
	const char **keys; /* owned; of an object */
	size_t count;
};

bool template_items_open(struct json_object *value, struct template_items *out); /* false: memory */
void template_items_close(struct template_items *items);
#define autoitems __attribute__((cleanup(template_items_close))) struct template_items

/* New references. */
struct json_object *template_items_value(const struct template_items *items, size_t i);
struct json_object *template_items_key(const struct template_items *items, size_t i);

/*
 * Go's zero value, for a member that JSON leaves out. It prints as empty text, [] or map[]. json gives
 * "" or null for it, and leaves it out where it is a member. A new reference.
 */
struct json_object *template_zero(enum json_type type);

/*
 * A mark says of a value what JSON does not, but Go prints it by. It is of one value, and lent: it has
 * to last as long as that.
 *
 *     struct    an object whose members are all there are: another one is an error
 *     nil       an object that is not there (Go's nil pointer): it prints as <nil>, has no members
 *     unit      an empty object that prints as {}
 *     duration  a number of nanoseconds that prints as 1m30s
 *     time      a text of RFC 3339, which prints as Go's time.Time
 *     alias     the name in Go of a member that JSON names otherwise: json leaves it out
 */
enum template_mark_kind {
	MARK_STRUCT = 1,
	MARK_NIL,
	MARK_UNIT,
	MARK_DURATION,
	MARK_TIME,
	MARK_ALIAS
};
struct template_mark {
	enum template_mark_kind kind;
	const char *type; /* its name in Go */
	bool left_out;	  /* json leaves it out, as a member */
};
void template_mark(struct json_object *value, const struct template_mark *mark);

/* The type of what is marked as a struct; else NULL. */
const char *template_struct(struct json_object *value);
bool template_is_nil(struct json_object *value);
bool template_is_marked(struct json_object *value); /* so that it prints otherwise than JSON */

/* "int", as Go calls the type of a value. */
const char *template_type(struct json_object *value);

/* docker's {{json .X}}. Ends early as template_print does. */
void template_json(struct buf *out, struct json_object *value);

#endif
