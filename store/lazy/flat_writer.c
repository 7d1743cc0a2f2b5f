/* SPDX-License-Identifier: MIT */
#include "store/lazy/flat_writer.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define OFFSET 4

static void append_zeros(struct buf *b, size_t len)
{
	char *at = buf_reserve(b, len);

	if (!at)
		return;
	memset(at, 0, len);
	b->len += len;
}

/* So that what comes next begins at a multiple of `to`, and `rest`. */
static void align(struct flat_writer *w, size_t to, size_t rest)
{
	append_zeros(&w->out, (rest - w->out.len) % to);
}

static void flat_writer_put(struct flat_writer *w, uint32_t at, const void *data, size_t len)
{
	if (!buf_failed(&w->out) && at <= w->out.len && len <= w->out.len - at)
		memcpy(w->out.data + at, data, len);
}

void flat_write_i64(struct flat_writer *w, uint32_t at, int64_t value)
{
	uint64_t v = htole64((uint64_t)value);

	flat_writer_put(w, at, &v, sizeof(v));
}

void flat_write_i32(struct flat_writer *w, uint32_t at, int32_t value)
{
	uint32_t v = htole32((uint32_t)value);

	flat_writer_put(w, at, &v, sizeof(v));
}

void flat_write_i8(struct flat_writer *w, uint32_t at, int8_t value)
{
	flat_writer_put(w, at, &value, sizeof(value));
}

/* The offset at `from` leads to what comes next. */
static uint32_t lead_here(struct flat_writer *w, uint32_t from)
{
	uint32_t here = (uint32_t)w->out.len;

	flat_write_i32(w, from, (int32_t)(here - from));
	return here;
}

void flat_write_root(struct flat_writer *w)
{
	append_zeros(&w->out, OFFSET);
}

/* Large fields first: none needs a gap. */
struct flat_shape flat_write_shape(struct flat_writer *w, const uint8_t *sizes, unsigned count)
{
	struct flat_shape s = {.table_size = OFFSET};
	uint16_t words[2 + FLAT_FIELDS_MAX] = {0};

	assert(count <= FLAT_FIELDS_MAX);
	for (uint8_t size = 8; size > 0; size /= 2)
		for (unsigned i = 0; i < count; i++)
			if (sizes[i] == size) {
				s.at[i] = s.table_size;
				s.table_size += size;
			}
	words[0] = htole16((uint16_t)(2 * (2 + count)));
	words[1] = htole16(s.table_size);
	for (unsigned i = 0; i < count; i++)
		words[2 + i] = htole16(s.at[i]);
	align(w, 4, 0);
	s.vtable = (uint32_t)w->out.len;
	buf_append(&w->out, words, 2 * (2 + count));
	return s;
}

uint32_t flat_write_table(struct flat_writer *w, const struct flat_shape *shape, uint32_t from)
{
	uint32_t at;

	align(w, 8, 8 - OFFSET); /* the first field stands behind the distance to the vtable */
	at = lead_here(w, from);
	append_zeros(&w->out, shape->table_size);
	flat_write_i32(w, at, (int32_t)(at - shape->vtable));
	return at;
}

uint32_t flat_write_vector(struct flat_writer *w, uint32_t from, uint32_t count, uint32_t size)
{
	uint32_t at;

	align(w, 4, 0);
	at = lead_here(w, from);
	append_zeros(&w->out, OFFSET);
	flat_write_i32(w, at, (int32_t)count);
	if (size > 1)
		append_zeros(&w->out, (size_t)count * size);
	return at + OFFSET;
}

void flat_write_string(struct flat_writer *w, uint32_t from, const void *data, uint32_t len)
{
	flat_write_vector(w, from, len, 1);
	buf_append(&w->out, data, len);
	buf_putc(&w->out, '\0');
}
