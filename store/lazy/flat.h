/* SPDX-License-Identifier: MIT */
/*
 * A flatbuffer (flatbuffers.dev, "Internals") over bytes that are not trusted: tables, vectors and
 * strings, by the number that a field has in its schema. Every position, size and count is checked
 * where it is used; nothing is followed further than a caller asks, so that a buffer whose
 * offsets lead in a circle is as good as any. -EBADMSG, with a sentence, where something does
 * not lie within the buffer. Owns nothing; pure.
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
	uint32_t at, vtable;	   /* positions */
	uint16_t size, table_size; /* bytes of the vtable, of the table */
};

struct flat_vector {
	struct flat in;
	uint32_t at; /* of the first element */
	uint32_t count;
};

/* Bytes of a string, without an end; NULL: there is none. */
struct flat_text {
	const char *data;
	uint32_t len;
};

int flat_root(struct flat f, struct flat_table *out, struct err *err);

/* What a field holds, or what is given as its default where the table has not got it. */
int flat_i64(const struct flat_table *t, unsigned field, int64_t absent, int64_t *out,
	     struct err *err);
int flat_i32(const struct flat_table *t, unsigned field, int32_t absent, int32_t *out,
	     struct err *err);
int flat_i8(const struct flat_table *t, unsigned field, int8_t absent, int8_t *out,
	    struct err *err);
int flat_string(const struct flat_table *t, unsigned field, struct flat_text *out, struct err *err);
int flat_vector(const struct flat_table *t, unsigned field, size_t element, struct flat_vector *out,
		struct err *err); /* absent: of no elements */
int flat_child(const struct flat_table *t, unsigned field, struct flat_table *out,
	       struct err *err); /* absent: -EBADMSG */

/* Elements of a vector that was asked for with an element of FLAT_OFFSET bytes; i < count. */
#define FLAT_OFFSET 4
int flat_vector_table(const struct flat_vector *v, uint32_t i, struct flat_table *out,
		      struct err *err);
int flat_vector_string(const struct flat_vector *v, uint32_t i, struct flat_text *out,
		       struct err *err);

#endif
