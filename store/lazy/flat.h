/* SPDX-License-Identifier: MIT */
/*
 * A flatbuffer (flatbuffers.dev, "Internals") over bytes that are not trusted: tables, vectors and
 * strings, by the number that a field has in its schema. Every position, size and count is checked
 * where it is used. An offset is followed only when a caller asks, so offsets that lead in a circle
 * do no harm. -EBADMSG: something does not lie within the buffer. Owns nothing; pure.
 */
#ifndef STORE_FLAT_H
#define STORE_FLAT_H

#include "store/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLAT_MAX INT32_MAX /* bytes of a buffer: offsets have 32 bits */

struct flat {
	const uint8_t *data; /* borrowed */
	size_t len;	     /* at most FLAT_MAX */
};

struct flat_table {
	struct flat in;
	uint32_t at, vtable;	   /* positions of the table and its vtable */
	uint16_t size, table_size; /* bytes of the vtable and of the table */
};

struct flat_vector {
	struct flat in;
	uint32_t at; /* of the first element */
	uint32_t count;
};

/* The bytes of a string, borrowed, without a NUL behind them; data NULL: the field is absent. */
struct flat_text {
	const char *data;
	uint32_t len;
};

int flat_root(struct flat f, struct flat_table *out, struct err *err);

/* Give the value of a field, or `absent` if the table lacks it. */
int flat_i64(const struct flat_table *t, unsigned field, int64_t absent, int64_t *out,
	     struct err *err);
int flat_i32(const struct flat_table *t, unsigned field, int32_t absent, int32_t *out,
	     struct err *err);
int flat_i8(const struct flat_table *t, unsigned field, int8_t absent, int8_t *out,
	    struct err *err);
int flat_string(const struct flat_table *t, unsigned field, struct flat_text *out, struct err *err);
int flat_vector(const struct flat_table *t, unsigned field, size_t element, struct flat_vector *out,
		struct err *err); /* absent: a vector without elements */
int flat_child(const struct flat_table *t, unsigned field, struct flat_table *out,
	       struct err *err); /* absent: -EBADMSG */

/* Give element i < count of a vector that flat_vector gave for elements of FLAT_OFFSET bytes. */
#define FLAT_OFFSET 4
int flat_vector_table(const struct flat_vector *v, uint32_t i, struct flat_table *out,
		      struct err *err);
int flat_vector_string(const struct flat_vector *v, uint32_t i, struct flat_text *out,
		       struct err *err);

#endif
