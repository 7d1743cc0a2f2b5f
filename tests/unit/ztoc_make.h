/* SPDX-License-Identifier: MIT */
/* zTOCs for tests: what they say, a table of what a test may change of it, and their bytes. */
#ifndef TESTS_ZTOC_MAKE_H
#define TESTS_ZTOC_MAKE_H

#include "store/lazy/flat_writer.h"
#include "store/lazy/ztoc.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOB	1000
#define ARCHIVE 8192
#define SHA_A	"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TIME	"2024-02-29T12:00:00.5Z"

struct said_entry {
	const char *name, *type, *link, *time;
	uint32_t name_len; /* 0: as strlen has it */
	int64_t at, size, mode, major;
	const char *key, *value;
	uint32_t value_len; /* 0: as strlen has it */
	uint32_t records;   /* how often it has key and value */
};

struct said_point {
	int64_t in, out;
	uint8_t bits;
};

struct said {
	const char *version;
	int64_t packed, plain;
	int8_t algorithm;
	int32_t last;
	uint32_t digests;
	const char *digest;
	uint32_t points, count; /* that are there, that are announced */
	struct said_point point[4];
	size_t cut;		 /* bytes of the checkpoints that are not there */
	int64_t span_size, size; /* algorithm 2 */
	struct said_entry entry[4];
	uint32_t entries;
};

static inline struct said said_well(void)
{
	return (struct said){
	    .version = ZTOC_VERSION,
	    .packed = BLOB,
	    .plain = ARCHIVE,
	    .algorithm = ZTOC_GZIP,
	    .last = 1,
	    .digests = 2,
	    .digest = SHA_A,
	    .points = 2,
	    .count = 2,
	    .point = {{10, 0, 0}, {500, 4096, 3}},
	    .span_size = 512,
	    .size = BLOB,
	    .entry = {{"./d/", "dir", "", TIME, .at = 512, .mode = 0755},
		      {"d/f", "reg", "", TIME, .at = 1024, .size = 3000, .mode = 0104755,
		       .key = "SCHILY.xattr.user.a", .value = "x", .records = 1},
		      {"d/h", "hardlink", "./d/f", TIME, .at = 4608, .mode = 0644},
		      {"c", "char", "", TIME, .at = 5120, .major = 5}},
	    .entries = 4,
	};
}

static inline void say_text(struct flat_writer *w, uint32_t from, const char *s, uint32_t len)
{
	if (s)
		flat_write_string(w, from, s, len ? len : (uint32_t)strlen(s));
}

static inline void say_entry(struct flat_writer *w, uint32_t from, const struct said_entry *e)
{
	static const uint8_t sizes[] = {4, 4, 8, 8, 4, 8, 4, 4, 4, 4, 4, 8, 8, 4};
	static const uint8_t pair[] = {4, 4};
	struct flat_shape s = flat_write_shape(w, sizes, sizeof(sizes));
	struct flat_shape p = flat_write_shape(w, pair, sizeof(pair));
	uint32_t t = flat_write_table(w, &s, from), at;

	say_text(w, t + s.at[ZTOC_F_NAME], e->name, e->name_len);
	say_text(w, t + s.at[ZTOC_F_TYPE], e->type, 0);
	say_text(w, t + s.at[ZTOC_F_LINK], e->link, 0);
	say_text(w, t + s.at[ZTOC_F_TIME], e->time, 0);
	say_text(w, t + s.at[ZTOC_F_UNAME], "", 0);
	say_text(w, t + s.at[ZTOC_F_GNAME], "", 0);
	flat_write_i64(w, t + s.at[ZTOC_F_OFFSET], e->at);
	flat_write_i64(w, t + s.at[ZTOC_F_SIZE], e->size);
	flat_write_i64(w, t + s.at[ZTOC_F_MODE], e->mode);
	flat_write_i64(w, t + s.at[ZTOC_F_MAJOR], e->major);
	flat_write_i32(w, t + s.at[ZTOC_F_UID], -2); /* 4294967294 */
	at = flat_write_vector(w, t + s.at[ZTOC_F_PAX], e->records, FLAT_OFFSET);
	for (uint32_t i = 0; i < e->records; i++, at += FLAT_OFFSET) {
		char key[300];

		snprintf(key, sizeof(key), "%s", e->key);
		if (e->records > 1)
			snprintf(key, sizeof(key), "%s%u", e->key, i);
		t = flat_write_table(w, &p, at);
		say_text(w, t + p.at[ZTOC_F_KEY], key, 0);
		say_text(w, t + p.at[ZTOC_F_VALUE], e->value, e->value_len);
	}
}

static inline void say_points(struct buf *out, const struct said *z)
{
	static const char window[ZTOC_WINDOW] = {1};
	uint32_t count = htole32(z->count);
	uint64_t size = htole64(ZTOC_SPAN_SIZE);
	size_t begin = out->len;

	buf_append(out, &count, 4);
	buf_append(out, &size, 8);
	for (uint32_t i = 0; i < z->points; i++) {
		uint64_t in = htole64((uint64_t)z->point[i].in);
		uint64_t at = htole64((uint64_t)z->point[i].out);

		buf_append(out, &in, 8);
		buf_append(out, &at, 8);
		buf_putc(out, (char)z->point[i].bits);
		buf_append(out, window, sizeof(window));
	}
	out->len -= z->cut < out->len - begin ? z->cut : out->len - begin;
}

static inline void say_zinfo(struct flat_writer *w, uint32_t from, const struct said *z)
{
	static const uint8_t sizes[] = {4, 8, 8};
	uint32_t at = flat_write_vector(w, from, 0, 1);

	if (z->algorithm == ZTOC_GZIP) {
		say_points(&w->out, z);
	} else {
		struct flat_writer tar = {BUF_INIT};
		struct flat_shape s;
		uint32_t t;

		flat_write_root(&tar);
		s = flat_write_shape(&tar, sizes, sizeof(sizes));
		t = flat_write_table(&tar, &s, FLAT_ROOT);
		flat_write_i64(&tar, t + s.at[ZTOC_F_TAR_SPAN_SIZE], z->span_size);
		flat_write_i64(&tar, t + s.at[ZTOC_F_TAR_SIZE], z->size);
		buf_append(&w->out, tar.out.data, tar.out.len);
		buf_free(&tar.out);
	}
	flat_write_i32(w, at - 4, (int32_t)(w->out.len - at));
}

/* The bytes, which the caller frees. */
static inline struct buf say(const struct said *z)
{
	static const uint8_t root[] = {4, 4, 8, 8, 4, 4}, one[] = {4}, info[] = {1, 4, 4, 4};
	struct flat_writer w = {BUF_INIT};
	struct flat_shape s, i, o;
	uint32_t t, u, at;

	flat_write_root(&w);
	s = flat_write_shape(&w, root, sizeof(root));
	o = flat_write_shape(&w, one, sizeof(one));
	i = flat_write_shape(&w, info, sizeof(info));
	t = flat_write_table(&w, &s, FLAT_ROOT);
	say_text(&w, t + s.at[ZTOC_F_VERSION], z->version, 0);
	say_text(&w, t + s.at[ZTOC_F_TOOL], "tests", 0);
	flat_write_i64(&w, t + s.at[ZTOC_F_PACKED], z->packed);
	flat_write_i64(&w, t + s.at[ZTOC_F_PLAIN], z->plain);
	u = flat_write_table(&w, &o, t + s.at[ZTOC_F_TOC]);
	at = flat_write_vector(&w, u + o.at[ZTOC_F_ENTRIES], z->entries, FLAT_OFFSET);
	for (uint32_t n = 0; n < z->entries; n++)
		say_entry(&w, at + n * FLAT_OFFSET, &z->entry[n]);
	u = flat_write_table(&w, &i, t + s.at[ZTOC_F_INFO]);
	flat_write_i8(&w, u + i.at[ZTOC_F_ALGORITHM], z->algorithm);
	flat_write_i32(&w, u + i.at[ZTOC_F_MAX_SPAN], z->last);
	at = flat_write_vector(&w, u + i.at[ZTOC_F_DIGESTS], z->digests, FLAT_OFFSET);
	for (uint32_t n = 0; n < z->digests; n++)
		say_text(&w, at + n * FLAT_OFFSET, z->digest, 0);
	say_zinfo(&w, u + i.at[ZTOC_F_CHECKPOINTS], z);
	return w.out;
}

/* ---- places in the bytes, for tests that bend them ---- */

static inline uint32_t peek32(const struct buf *b, uint32_t at)
{
	uint32_t v;

	memcpy(&v, b->data + at, sizeof(v));
	return le32toh(v);
}

static inline void poke32(struct buf *b, uint32_t at, uint32_t v)
{
	v = htole32(v);
	memcpy(b->data + at, &v, sizeof(v));
}

static inline void poke16(struct buf *b, uint32_t at, uint16_t v)
{
	v = htole16(v);
	memcpy(b->data + at, &v, sizeof(v));
}

static inline uint32_t vtable_of(const struct buf *b, uint32_t table)
{
	return table - peek32(b, table);
}

static inline uint32_t field_of(const struct buf *b, uint32_t table, unsigned field)
{
	uint16_t v;

	memcpy(&v, b->data + vtable_of(b, table) + 4 + 2 * field, sizeof(v));
	return table + le16toh(v);
}

static inline uint32_t follow(const struct buf *b, uint32_t at)
{
	return at + peek32(b, at);
}

static inline uint32_t root_of(const struct buf *b)
{
	return follow(b, 0);
}

static inline uint32_t child_of(const struct buf *b, unsigned field)
{
	return follow(b, field_of(b, root_of(b), field));
}

static inline uint32_t entries_of_ztoc(const struct buf *b)
{
	return follow(b, field_of(b, child_of(b, ZTOC_F_TOC), ZTOC_F_ENTRIES));
}

static inline uint32_t first_entry(const struct buf *b)
{
	return follow(b, entries_of_ztoc(b) + 4);
}

#endif
