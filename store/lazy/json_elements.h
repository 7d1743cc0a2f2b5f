/* SPDX-License-Identifier: MIT */
/*
 * Reads a JSON document of any length that is an object with one long array of objects, as it comes in
 * pieces: each object of the array is read by itself (store/base/json_fields.h) and given away; the rest
 * of the document is kept, and parsed at its end, where the array stands empty. So all of the
 * document is checked as strictly as any other, and memory is bounded: an object of the array and
 * the rest have at most JSON_ELEMENT_MAX bytes and JSON_ELEMENT_VALUES commas. Pure.
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

/* `key`: the member that is the array, borrowed; written without escapes in the document. */
struct json_elements;
int json_elements_open(const char *key, json_element_fn on_element, void *arg,
		       struct json_elements **out, struct err *err);

/* Takes all `len` bytes. -EBADMSG: no JSON, or over a limit. After an error only close. */
int json_elements_feed(struct json_elements *e, const void *data, size_t len, struct err *err);

/* The document ended here. *rest: all of it but what was in the array (json_object_put frees it);
 * the array is there, and empty or null. */
int json_elements_finish(struct json_elements *e, struct json_object **rest, struct err *err);
void json_elements_close(struct json_elements *e);
DEFINE_AUTO(struct json_elements, json_elements_close)

#endif
