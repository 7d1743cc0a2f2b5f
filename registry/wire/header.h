/* SPDX-License-Identifier: MIT */
/*
 * The header fields of an HTTP answer, in the order in which they came, and the values that a
 * registry's client reads out of them. Pure; not thread safe. Bounded by whoever feeds it.
 */
#ifndef REGISTRY_HEADER_H
#define REGISTRY_HEADER_H

#include "store/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct header {
	char *name; /* owned; one block with the value */
	const char *value;
};

struct header_list {
	struct header *list; /* owned */
	size_t count, cap;
};
#define HEADER_LIST_INIT                                                                           \
	{                                                                                          \
		0                                                                                  \
	}

/* One line, "Name: value" with or without its line end. A line that is no field is passed over;
 * -EPROTO for a NUL or another control character in it. */
int header_add(struct header_list *h, const char *line, size_t len, struct err *err);
void header_clear(struct header_list *h);

/* The value of the first field of that name, or NULL. Names compare without case. */
const char *header_get(const struct header_list *h, const char *name);
/* The values of all fields of that name: start with *iter = 0; NULL at the end. */
const char *header_next(const struct header_list *h, const char *name, size_t *iter);

/* A whole number, digits only; false: absent or malformed. */
bool header_number(const struct header_list *h, const char *name, uint64_t *out);

/* Content-Range, "bytes FIRST-LAST/SIZE" (RFC 9110, 14.4), where SIZE may be an asterisk: *size is
 * UINT64_MAX then. False: absent, or anything else than one range with FIRST <= LAST < SIZE. */
bool header_content_range(const struct header_list *h, uint64_t *first, uint64_t *last,
			  uint64_t *size);
/* The SIZE of the Content-Range of a 416, "bytes", a blank, an asterisk, a slash, SIZE. */
bool header_unsatisfied_size(const struct header_list *h, uint64_t *size);

/* Whether Content-Encoding names a coding (gzip, …). Storage also writes aws-chunked, utf-8 or identity
 * there, which say nothing of the bytes. */
bool header_is_encoded(const struct header_list *h);

/* The target of the Link field whose rel is "next" (RFC 8288), as it stands there, also without
 * its angle brackets; the caller frees it. 0: *out is NULL where there is none. */
int header_link_next(const struct header_list *h, char **out, struct err *err);

#endif
