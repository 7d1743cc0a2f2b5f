/* SPDX-License-Identifier: MIT */
/*
 * Writes a flatbuffer from its start to its end. Offsets lead forwards, so a table comes before the
 * things that its fields lead to. Numbers are aligned to their size. Errors show at the end:
 * buf_failed(&w.out), or a length over FLAT_MAX. One thread at a time.
 */
#ifndef STORE_FLAT_WRITER_H
#define STORE_FLAT_WRITER_H

#include "store/base/buf.h"

#include <stdint.h>

#define FLAT_FIELDS_MAX 14

struct flat_writer {
	struct buf out; /* zeros at first; buf_free ends it */
};

/* The fields of all tables of one kind, and their places. It is written once. */
struct flat_shape {
	uint32_t vtable; /* position */
	uint16_t table_size;
	uint16_t at[FLAT_FIELDS_MAX]; /* in the table */
};

/* sizes: the bytes of each field by its number: 8, 4 or 1; 0: tables have no such field. An offset has
 * 4. count <= FLAT_FIELDS_MAX. */
struct flat_shape flat_write_shape(struct flat_writer *w, const uint8_t *sizes, unsigned count);

/* Makes room for a table and returns its position. The offset at position `from` leads to it then. */
uint32_t flat_write_table(struct flat_writer *w, const struct flat_shape *shape, uint32_t from);

/* Begins the buffer with the offset that leads to the root; FLAT_ROOT is its position. */
void flat_write_root(struct flat_writer *w);
#define FLAT_ROOT 0

void flat_write_i64(struct flat_writer *w, uint32_t at, int64_t value);
void flat_write_i32(struct flat_writer *w, uint32_t at, int32_t value);
void flat_write_i8(struct flat_writer *w, uint32_t at, int8_t value);
void flat_write_string(struct flat_writer *w, uint32_t from, const void *data, uint32_t len);

/* Writes a vector of `count` elements of `size` bytes, and returns the position of the first. With size 1
 * the caller appends them to w->out; else there is room for them, filled with zeros. */
uint32_t flat_write_vector(struct flat_writer *w, uint32_t from, uint32_t count, uint32_t size);

#endif
