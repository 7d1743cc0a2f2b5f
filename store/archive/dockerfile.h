/* SPDX-License-Identifier: MIT */
/*
 * The parts of a Dockerfile's grammar that several instructions share (docs.docker.com, "Dockerfile
 * reference"): words, exec forms, durations. Pure.
 */
#ifndef STORE_DOCKERFILE_H
#define STORE_DOCKERFILE_H

#include "store/base/buf.h"
#include "store/base/json.h"

/* Appends one word, up to a blank (`all`: all of the text), without its quotes and with its
 * variables from `env`, an array of NAME=VALUE (NULL: empty). Gives what is behind it; NULL: a
 * quote that does not end. */
const char *dockerfile_word(const struct json_object *env, const char *text, bool all,
			    struct buf *out);

/* A JSON array of strings, which the caller puts; or NULL: then it is a shell's line. */
struct json_object *dockerfile_exec_form(const char *text);

/* "1m30s", "500ms" in ns, as Go writes durations; -1: it is none. */
int64_t dockerfile_duration(const char *text, size_t len);

#endif
