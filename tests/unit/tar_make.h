/* SPDX-License-Identifier: MIT */
/*
 * Archives made by hand, header by header, and the entries that store/tar/tar.h finds in an
 * archive, copied. Every archive is parsed whole, byte by byte and in odd pieces, which must give
 * the same.
 */
#ifndef TESTS_TAR_MAKE_H
#define TESTS_TAR_MAKE_H

#include "store/base/buf.h"
#include "store/tar/tar.h"
#include "store/tar/tar_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TYPE_NUL 1 /* typeflag NUL; 0 stands for '0' */

struct tar_fields {
	char type;
	const char *format; /* ustar, gnu, star, v7; NULL: ustar */
	const char *name, *prefix, *link;
	int mode; /* 0: 0644 */
	int64_t uid, gid, size, mtime, dev_major, dev_minor;
	bool signed_sum;
};

struct tar_make {
	struct buf buf;
};

static inline void make_zeros(struct tar_make *m, size_t len)
{
	char *at = buf_reserve(&m->buf, len);

	assert_non_null(at);
	memset(at, 0, len);
	m->buf.len += len;
}

static inline void make_number(uint8_t *field, size_t len, int64_t value)
{
	if (value >= 0 && value < 1LL << (3 * (len - 1))) {
		char text[16];

		snprintf(text, sizeof(text), "%0*llo", (int)len - 1, (unsigned long long)value);
		memcpy(field, text, len - 1);
		return;
	}
	for (size_t i = len; i-- > 0; value >>= 8)
		field[i] = (uint8_t)value;
	field[0] |= 0x80;
}

static inline void make_string(uint8_t *field, size_t max, const char *text)
{
	if (text)
		memcpy(field, text, strnlen(text, max));
}

static inline void make_checksum(uint8_t *block, bool signed_sum)
{
	int64_t sum = 0;
	char text[32];

	memset(block + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += signed_sum ? (int8_t)block[i] : block[i];
	snprintf(text, sizeof(text), "%06llo", (unsigned long long)sum);
	memcpy(block + 148, text, 7);
}

static inline void make_magic(uint8_t *block, const char *format)
{
	if (!format || strcmp(format, "ustar") == 0 || strcmp(format, "star") == 0)
		memcpy(block + 257, "ustar\00000", 8);
	if (format && strcmp(format, "gnu") == 0)
		memcpy(block + 257, "ustar  ", 8);
	if (format && strcmp(format, "star") == 0)
		memcpy(block + 508, "tar", 4);
}

static inline void make_header(struct tar_make *m, const struct tar_fields *f)
{
	uint8_t block[512] = {0};

	make_string(block, 100, f->name);
	make_number(block + 100, 8, f->mode ? f->mode : 0644);
	make_number(block + 108, 8, f->uid);
	make_number(block + 116, 8, f->gid);
	make_number(block + 124, 12, f->size);
	make_number(block + 136, 12, f->mtime);
	block[156] = f->type == TYPE_NUL ? 0 : f->type ? (uint8_t)f->type : '0';
	make_string(block + 157, 100, f->link);
	make_number(block + 329, 8, f->dev_major);
	make_number(block + 337, 8, f->dev_minor);
	make_string(block + 345, 131, f->prefix);
	make_magic(block, f->format);
	make_checksum(block, f->signed_sum);
	buf_append(&m->buf, block, 512);
}

static inline void make_data(struct tar_make *m, const void *data, size_t len)
{
	buf_append(&m->buf, data, len);
	make_zeros(m, -len & 511);
}

static inline void make_end(struct tar_make *m)
{
	make_zeros(m, 1024);
}

static inline void make_extension(struct tar_make *m, char type, const char *data, size_t len)
{
	make_header(m, &(struct tar_fields){.type = type, .name = "ext", .size = (int64_t)len});
	make_data(m, data, len);
}

/* Appends a pax record for "key=value". */
static inline void make_record(struct buf *to, const char *record)
{
	size_t len = strlen(record) + 2, digits = 1;

	for (size_t n = 10; len + digits >= n; n *= 10)
		digits++;
	buf_printf(to, "%zu %s\n", len + digits, record);
}

/* Records as "key=value", the last NULL. */
static inline void make_pax(struct tar_make *m, char type, const char *const *records)
{
	autobuf all = BUF_INIT;

	for (; *records; records++)
		make_record(&all, *records);
	make_extension(m, type, all.data, all.len);
}

struct tar_item {
	struct entry e; /* all that it points to is owned */
	struct xattr xattrs[ENTRY_XATTRS_MAX];
};

struct tar_list {
	struct tar_item *items;
	size_t count;
};

static inline void tar_list_close(struct tar_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++) {
		free((char *)l->items[i].e.path);
		free((char *)l->items[i].e.link);
		free((void *)l->items[i].e.extents);
		for (uint32_t k = 0; k < l->items[i].e.xattr_count; k++) {
			free((char *)l->items[i].xattrs[k].name);
			free((void *)l->items[i].xattrs[k].value);
		}
	}
	free(l->items);
	free(l);
}
DEFINE_AUTO(struct tar_list, tar_list_close)

static inline void *copy_bytes(const void *data, size_t len)
{
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

static inline int list_add(void *arg, const struct entry *e, struct err *err)
{
	struct tar_list *l = arg;
	struct tar_item *item;

	(void)err;
	assert_int_equal(e->path[e->path_len], '\0');
	l->items = realloc(l->items, (l->count + 1) * sizeof(*l->items));
	assert_non_null(l->items);
	item = &l->items[l->count++];
	item->e = *e;
	item->e.path = copy_bytes(e->path, e->path_len);
	item->e.link = copy_bytes(e->link, e->link_len);
	item->e.extents = copy_bytes(e->extents, e->extent_count * sizeof(*e->extents));
	item->e.xattrs = NULL;
	for (uint32_t i = 0; i < e->xattr_count; i++) {
		const struct xattr *x = &e->xattrs[i];

		item->xattrs[i] = (struct xattr){copy_bytes(x->name, strlen(x->name)),
						 copy_bytes(x->value, x->size), x->size};
	}
	return 0;
}

/* Feeds the archive in pieces of `step` bytes. */
static inline int list_parse(const void *data, size_t len, size_t step, struct tar_list **out,
			     struct err *err)
{
	AUTO(tar_close) struct tar *t = NULL;
	struct tar_list *l = calloc(1, sizeof(*l));
	int rc;

	assert_non_null(l);
	*out = l;
	rc = tar_open(list_add, l, &t, err);
	for (size_t at = 0; rc == 0 && at < len; at += step)
		rc = tar_feed(t, (const char *)data + at, len - at < step ? len - at : step, err);
	return rc ? rc : tar_finish(t, err);
}

static inline void assert_same_entry(const struct tar_item *a, const struct tar_item *b)
{
	assert_string_equal(a->e.path, b->e.path);
	assert_string_equal(a->e.link, b->e.link);
	assert_int_equal(a->e.path_len, b->e.path_len);
	assert_int_equal(a->e.link_len, b->e.link_len);
	assert_int_equal(a->e.mode, b->e.mode);
	assert_int_equal(a->e.uid, b->e.uid);
	assert_int_equal(a->e.gid, b->e.gid);
	assert_true(a->e.size == b->e.size);
	assert_true(a->e.mtime == b->e.mtime);
	assert_int_equal(a->e.mtime_ns, b->e.mtime_ns);
	assert_int_equal(a->e.dev_major, b->e.dev_major);
	assert_int_equal(a->e.dev_minor, b->e.dev_minor);
	assert_true(a->e.data == b->e.data);
	assert_true(a->e.stored == b->e.stored);
	assert_int_equal(a->e.extent_count, b->e.extent_count);
	assert_memory_equal(a->e.extents, b->e.extents, a->e.extent_count * sizeof(*a->e.extents));
	assert_int_equal(a->e.xattr_count, b->e.xattr_count);
	for (uint32_t i = 0; i < a->e.xattr_count; i++) {
		assert_string_equal(a->xattrs[i].name, b->xattrs[i].name);
		assert_int_equal(a->xattrs[i].size, b->xattrs[i].size);
		assert_memory_equal(a->xattrs[i].value, b->xattrs[i].value, a->xattrs[i].size);
	}
}

static inline void assert_same_list(const struct tar_list *a, const struct tar_list *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_same_entry(&a->items[i], &b->items[i]);
}

/* The entries of the archive, however it is fed; frees the archive. */
static inline struct tar_list *list_of(struct tar_make *m)
{
	static const size_t steps[] = {1, 511, 513, 4000};
	struct tar_list *whole;
	struct err err;
	int rc = list_parse(m->buf.data, m->buf.len, m->buf.len + 1, &whole, &err);

	if (rc)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		AUTO(tar_list_close) struct tar_list *l = NULL;

		assert_int_equal(list_parse(m->buf.data, m->buf.len, steps[i], &l, &err), 0);
		assert_same_list(whole, l);
	}
	buf_free(&m->buf);
	return whole;
}

/* The archive is refused with a sentence that holds `why`, however it is fed; frees it. */
static inline void assert_refused(struct tar_make *m, const char *why)
{
	static const size_t steps[] = {1, 511, 1 << 30};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		AUTO(tar_list_close) struct tar_list *l = NULL;
		struct err err;

		assert_int_equal(list_parse(m->buf.data, m->buf.len, steps[i], &l, &err), -EBADMSG);
		if (!strstr(err.text, why))
			fail_msg("\"%s\" does not say \"%s\"", err.text, why);
	}
	buf_free(&m->buf);
}

static inline void assert_entry(const struct tar_item *item, const char *path, uint32_t mode,
				uint64_t size)
{
	assert_string_equal(item->e.path, path);
	assert_int_equal(item->e.path_len, strlen(path));
	assert_int_equal(item->e.mode, mode);
	assert_int_equal(item->e.size, size);
}

static inline void assert_xattr(const struct tar_item *item, uint32_t at, const char *name,
				const void *value, size_t size)
{
	assert_true(at < item->e.xattr_count);
	assert_string_equal(item->xattrs[at].name, name);
	assert_int_equal(item->xattrs[at].size, size);
	assert_memory_equal(item->xattrs[at].value, value, size);
}

#endif
