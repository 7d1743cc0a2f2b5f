/* SPDX-License-Identifier: MIT */
/*
 * Numbers are little-endian. A table begins with a signed distance, which is subtracted to get to its
 * vtable. That has the vtable's size, the table's size, then for each field its offset in the table
 * (0: absent). A value without a fixed size lies elsewhere: the field is the distance forwards to it.
 */
#include "store/lazy/flat.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#define VTABLE_HEAD 4

static int outside(struct err *err, const char *what, uint64_t at)
{
	return err_set(err, EBADMSG, "%s at %llu does not lie within the buffer", what,
		       (unsigned long long)at);
}

static bool flat_fits(struct flat f, uint64_t at, uint64_t len)
{
	return at <= f.len && len <= f.len - at;
}

/* Of bytes that fit. */
static uint16_t get16(struct flat f, uint64_t at)
{
	uint16_t v;

	memcpy(&v, f.data + at, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(struct flat f, uint64_t at)
{
	uint32_t v;

	memcpy(&v, f.data + at, sizeof(v));
	return le32toh(v);
}

/* Where the offset at `at` leads to. */
static int flat_follow(struct flat f, uint64_t at, const char *what, uint32_t *to, struct err *err)
{
	uint64_t target;

	*to = 0;
	if (!flat_fits(f, at, FLAT_OFFSET))
		return outside(err, what, at);
	target = at + get32(f, at);
	if (!flat_fits(f, target, FLAT_OFFSET))
		return outside(err, what, target);
	*to = (uint32_t)target;
	return 0;
}

/* Four bytes fit at `at`. */
static int flat_table_at(struct flat f, uint32_t at, struct flat_table *out, struct err *err)
{
	int64_t vtable = (int64_t)at - (int32_t)get32(f, at);
	struct flat_table t = {.in = f, .at = at};

	if (vtable < 0 || !flat_fits(f, (uint64_t)vtable, VTABLE_HEAD))
		return outside(err, "a vtable of the table", at);
	t.vtable = (uint32_t)vtable;
	t.size = get16(f, t.vtable);
	t.table_size = get16(f, t.vtable + 2);
	if (t.size < VTABLE_HEAD || t.size % 2 || !flat_fits(f, t.vtable, t.size))
		return outside(err, "the end of a vtable", t.vtable);
	if (t.table_size < FLAT_OFFSET || !flat_fits(f, at, t.table_size))
		return outside(err, "the end of a table", at);
	*out = t;
	return 0;
}

int flat_root(struct flat f, struct flat_table *out, struct err *err)
{
	uint32_t at;
	int r;

	if (f.len > FLAT_MAX)
		return err_set(err, EBADMSG, "a buffer of %zu bytes", f.len);
	r = flat_follow(f, 0, "the root table", &at, err);
	return r ? r : flat_table_at(f, at, out, err);
}

/* Where the field's `width` bytes lie; 0: it is absent. */
static int flat_field(const struct flat_table *t, unsigned field, size_t width, uint32_t *at,
		      struct err *err)
{
	uint32_t entry = VTABLE_HEAD + 2 * field;
	uint16_t offset = entry + 2 <= t->size ? get16(t->in, t->vtable + entry) : 0;

	*at = 0;
	if (offset == 0)
		return 0;
	if (offset < FLAT_OFFSET || offset > t->table_size || width + offset > t->table_size)
		return err_set(err, EBADMSG, "field %u does not lie within its table at %u", field,
			       t->at);
	*at = t->at + offset;
	return 0;
}

int flat_i64(const struct flat_table *t, unsigned field, int64_t absent, int64_t *out,
	     struct err *err)
{
	uint32_t at;
	uint64_t v;
	int r = flat_field(t, field, sizeof(v), &at, err);

	*out = absent;
	if (r || !at)
		return r;
	memcpy(&v, t->in.data + at, sizeof(v));
	*out = (int64_t)le64toh(v);
	return 0;
}

int flat_i32(const struct flat_table *t, unsigned field, int32_t absent, int32_t *out,
	     struct err *err)
{
	uint32_t at;
	int r = flat_field(t, field, sizeof(*out), &at, err);

	*out = r || !at ? absent : (int32_t)get32(t->in, at);
	return r;
}

int flat_i8(const struct flat_table *t, unsigned field, int8_t absent, int8_t *out, struct err *err)
{
	uint32_t at;
	int r = flat_field(t, field, sizeof(*out), &at, err);

	*out = r || !at ? absent : (int8_t)t->in.data[at];
	return r;
}

/* Follows the offset at `at` to a count and so many elements. */
static int flat_counted(struct flat f, uint32_t at, size_t element, const char *what,
			struct flat_vector *out, struct err *err)
{
	uint32_t to;
	int r = flat_follow(f, at, what, &to, err);

	if (r)
		return r;
	*out = (struct flat_vector){f, to + FLAT_OFFSET, get32(f, to)};
	if (!flat_fits(f, out->at, (uint64_t)out->count * element))
		return err_set(err, EBADMSG, "%s at %u has %u elements, more than the buffer holds",
			       what, to, out->count);
	return 0;
}

static int text_at(struct flat f, uint32_t at, struct flat_text *out, struct err *err)
{
	struct flat_vector v;
	int r = flat_counted(f, at, 1, "a string", &v, err);

	if (!r)
		*out = (struct flat_text){(const char *)f.data + v.at, v.count};
	return r;
}

int flat_string(const struct flat_table *t, unsigned field, struct flat_text *out, struct err *err)
{
	uint32_t at;
	int r = flat_field(t, field, FLAT_OFFSET, &at, err);

	*out = (struct flat_text){0};
	return r || !at ? r : text_at(t->in, at, out, err);
}

int flat_vector(const struct flat_table *t, unsigned field, size_t element, struct flat_vector *out,
		struct err *err)
{
	uint32_t at;
	int r = flat_field(t, field, FLAT_OFFSET, &at, err);

	*out = (struct flat_vector){.in = t->in};
	return r || !at ? r : flat_counted(t->in, at, element, "a vector", out, err);
}

int flat_child(const struct flat_table *t, unsigned field, struct flat_table *out, struct err *err)
{
	uint32_t at, to;
	int r = flat_field(t, field, FLAT_OFFSET, &at, err);

	if (!r && !at)
		r = err_set(err, EBADMSG, "field %u of the table at %u is missing", field, t->at);
	if (!r)
		r = flat_follow(t->in, at, "a table", &to, err);
	return r ? r : flat_table_at(t->in, to, out, err);
}

int flat_vector_table(const struct flat_vector *v, uint32_t i, struct flat_table *out,
		      struct err *err)
{
	uint32_t to;
	int r;

	assert(i < v->count);
	r = flat_follow(v->in, v->at + (uint64_t)i * FLAT_OFFSET, "a table", &to, err);
	return r ? r : flat_table_at(v->in, to, out, err);
}

int flat_vector_string(const struct flat_vector *v, uint32_t i, struct flat_text *out,
		       struct err *err)
{
	assert(i < v->count);
	return text_at(v->in, v->at + i * FLAT_OFFSET, out, err);
}
