/* SPDX-License-Identifier: MIT */
/*
 * Reads a JSON document of any length, an object with one long array of objects, as it comes in
 * pieces. Each object of the array is read by itself (store/base/json_fields.h) and given away. The
 * rest of the document is kept, with the array empty, and parsed at its end. So all of it is checked
 * as strictly as any other document. Memory is bounded: each object, and the rest, have at most
 * JSON_ELEMENT_MAX bytes and JSON_ELEMENT_VALUES commas. Pure.
 */
#ifndef STORE_JSON_ELEMENTS_H
#define STORE_JSON_ELEMENTS_H

#include "store/base/json.h"
#include "store/base/json_fields.h"
#include "store/base/mem.h"

#define JSON_ELEMENT_MAX    (4u << 20)
#define JSON_ELEMENT_VALUES 1024

/* Called for each object; it holds until the call ends. Not 0 ends the reading with that error. */
typedef int (*json_element_fn)(void *arg, const struct json_fields *element, struct err *err);

/* `key`: the name of the array, borrowed; the document has it without escapes. */
struct json_elements;
int json_elements_open(const char *key, json_element_fn on_element, void *arg,
		       struct json_elements **out, struct err *err);

/* Takes all `len` bytes. -EBADMSG: no JSON, or over a limit. After an error only close. */
int json_elements_feed(struct json_elements *e, const void *data, size_t len, struct err *err);

/* The document ended here. *rest is all of it except the array's objects (json_object_put frees it): the
 * array is there, and empty or null. -EBADMSG: no JSON, cut, or without that array. */
int json_elements_finish(struct json_elements *e, struct json_object **rest, struct err *err);
void json_elements_close(struct json_elements *e);
DEFINE_AUTO(struct json_elements, json_elements_close)

#endif
