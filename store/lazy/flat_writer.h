/* SPDX-License-Identifier: MIT */
/*
 * Writes a flatbuffer from its start to its end: a table first, and then what its fields lead to, as offsets lead
 * forwards. Numbers are aligned to their size. Errors show at the end: buf_failed(&w.out), or a length over
 * FLAT_MAX. One thread at a time.
 */
#ifndef STORE_FLAT_WRITER_H
#define STORE_FLAT_WRITER_H

#include "store/base/buf.h"

#include <stdint.h>

#define FLAT_FIELDS_MAX 14

struct flat_writer {
	struct buf out; /* zeros at first; buf_free ends it */
};

/* What fields tables of one kind have, and where: written once. */
struct flat_shape {
	uint32_t vtable; /* position */
	uint16_t table_size;
	uint16_t at[FLAT_FIELDS_MAX]; /* in the table */
};

/* sizes: of each field by its number: 8, 4, 1; 0: it has none. An offset has 4. */
struct flat_shape flat_write_shape(struct flat_writer *w, const uint8_t *sizes, unsigned count);

/* Room for a table; `from` is the position of the offset that is to lead to it. Returns its position. */
uint32_t flat_write_table(struct flat_writer *w, const struct flat_shape *shape, uint32_t from);

/* The first four bytes of the buffer lead to the root. */
void flat_write_root(struct flat_writer *w);
#define FLAT_ROOT 0

void flat_write_i64(struct flat_writer *w, uint32_t at, int64_t value);
void flat_write_i32(struct flat_writer *w, uint32_t at, int32_t value);
void flat_write_i8(struct flat_writer *w, uint32_t at, int8_t value);
void flat_write_string(struct flat_writer *w, uint32_t from, const void *data, uint32_t len);

/* A vector of so many elements; returns the position of the first. With size 1 they are appended behind it by the
 * caller; else there is room for them. */
uint32_t flat_write_vector(struct flat_writer *w, uint32_t from, uint32_t count, uint32_t size);

#endif
