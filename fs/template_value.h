/* SPDX-License-Identifier: MIT */
/*
 * The values of Go templates, as JSON values: what is true, and how they print. NULL is Go's nil.
 * Pure.
 */
#ifndef FS_TEMPLATE_VALUE_H
#define FS_TEMPLATE_VALUE_H

#include "store/buf.h"

#include <json-c/json.h>
#include <stdbool.h>

/* What is empty or zero is false. */
bool template_truth(struct json_object *value);

/* As Go's %v: text as it stands, [a b], map[k:v], <no value>. */
void template_print(struct buf *out, struct json_object *value);

/* Of an array or object (its values, by key): how many, and each, a reference. */
size_t template_elements(struct json_object *value);
struct json_object *template_element(struct json_object *value, size_t i);
struct json_object *template_key(struct json_object *value, size_t i); /* … its number or key */

/*
 * Go's zero value in a member that JSON leaves out: it prints as empty text, [] or map[], and json
 * gives "" or null of it, and nothing where it is a member. A new reference.
 */
struct json_object *template_zero(enum json_type type);

/* docker's {{json .X}}. */
void template_json(struct buf *out, struct json_object *value);

#endif
