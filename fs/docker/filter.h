/* SPDX-License-Identifier: MIT */
/*
 * docker's --filter KEY=VALUE, as far as several commands share it. Pure, but for the local time
 * zone.
 */
#ifndef FS_FILTER_H
#define FS_FILTER_H

#include "store/base/err.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct filter {
	char *key;   /* owned: trimmed, in lower case; "label!" for label!=… */
	char *value; /* owned: trimmed */
};

/* "until=24h". -EINVAL in docker's words. */
int filter_parse(const char *text, struct filter *out, struct err *err);
void filter_clear(struct filter *f);
#define autofilter __attribute__((cleanup(filter_clear))) struct filter

int filter_unknown(const struct filter *f, struct err *err); /* -EINVAL: invalid filter 'x' */
int filter_bool(const struct filter *f, bool *out, struct err *err);

/* A time: seconds since 1970, RFC 3339, 2006-01-02[T15:04:05] in the local zone, or a Go duration
 * ("24h", "1h30m") before `now`. */
int filter_time(const struct filter *f, time_t now, int64_t *out, struct err *err);

/* True where an image's config (its whole document) has the label "k", or the label and value "k=v". */
bool filter_label(const struct json_object *config, const char *label);

#endif
