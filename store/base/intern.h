/* SPDX-License-Identifier: MIT */
/*
 * A set of byte strings. Each is kept once and has a number: 0, 1, 2, … in the order in which they
 * came. For tables of many repeated values (file names, owners and modes). The hash has a random
 * seed, as names come from strangers. All strings together are bounded. Not thread safe.
 */
#ifndef STORE_INTERN_H
#define STORE_INTERN_H

#include "store/base/buf.h"
#include "store/base/err.h"

#include <stdint.h>

#define INTERN_NONE UINT32_MAX

struct intern_place {
	uint32_t offset, len;
};

struct intern {
	struct buf bytes; /* every string with a NUL behind it */
	struct intern_place *places;
	uint32_t count, cap;
	uint32_t *slots; /* number + 1; 0: free */
	uint32_t slot_count;
	uint64_t seed;
	size_t max; /* bytes of all strings and their NULs */
};

int intern_init(struct intern *in, size_t max, struct err *err); /* max: at most 1 GiB */
void intern_free(struct intern *in);				 /* also one that is all zeros */

/* Gives the string's number, and adds the string where it is new. -EBADMSG: it would go over max. */
int intern_add(struct intern *in, const void *data, size_t len, uint32_t *out, struct err *err);

/* The number, or INTERN_NONE. */
uint32_t intern_find(const struct intern *in, const void *data, size_t len);

/* The string, with a NUL behind it, until the next intern_add. number < count; len may be NULL. */
const char *intern_get(const struct intern *in, uint32_t number, uint32_t *len);

#endif
