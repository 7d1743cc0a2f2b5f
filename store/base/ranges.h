/* SPDX-License-Identifier: MIT */
/*
 * A set of byte ranges, for example of those bytes of a blob that are here. Neighbours become one.
 * One thread at a time.
 */
#ifndef STORE_RANGES_H
#define STORE_RANGES_H

#include "store/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes first..end-1; no bytes if first == end. */
struct byte_range {
	uint64_t first, end;
};

struct ranges {
	struct byte_range *list; /* owned; ascending, none is empty, none touches the next one */
	size_t count;
};
#define RANGES_INIT                                                                                \
	{                                                                                          \
		0                                                                                  \
	}

int ranges_add(struct ranges *set, struct byte_range r, struct err *err);    /* -ENOMEM */
int ranges_remove(struct ranges *set, struct byte_range r, struct err *err); /* -ENOMEM */

/* Narrows *r to its first stretch that is not in the set. False: all of *r is in the set. */
bool ranges_missing(const struct ranges *set, struct byte_range *r);

uint64_t ranges_bytes(const struct ranges *set);
bool ranges_has(const struct ranges *set, struct byte_range r); /* all of r */
void ranges_clear(struct ranges *set);

#endif
