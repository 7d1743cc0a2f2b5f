/* SPDX-License-Identifier: MIT */
/*
 * Parts of a Dockerfile's grammar that several instructions share (docs.docker.com, "Dockerfile
 * reference"): words, exec forms, durations. Pure.
 */
#ifndef STORE_DOCKERFILE_H
#define STORE_DOCKERFILE_H

#include "store/base/buf.h"
#include "store/base/json.h"

/* Appends one word, up to a blank (`all`: up to the end of the text), without its quotes. Variables get
 * their values from `env`, an array of NAME=VALUE (NULL: empty). Returns the text behind the word; NULL:
 * a quote does not end. */
const char *dockerfile_word(const struct json_object *env, const char *text, bool all,
			    struct buf *out);

/* Parses a JSON array of strings, which the caller puts. NULL: it is none, but a line for a shell. */
struct json_object *dockerfile_exec_form(const char *text);

/* Parses a duration as Go writes it ("1m30s", "500ms"), into ns; -1: it is none. */
int64_t dockerfile_duration(const char *text, size_t len);

#endif
