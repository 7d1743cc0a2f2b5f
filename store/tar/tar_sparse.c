/* SPDX-License-Identifier: MIT */
#include "store/tar/tar_sparse.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An old GNU map entry: two numbers of 12 bytes. */
#define ENTRY_LEN      24
#define ENTRIES_HEADER 4
#define ENTRIES_BLOCK  21
#define BLOCK_EXTENDED 504 /* in a block behind the header: yet another follows */

void tar_sparse_reset(struct tar_sparse *s)
{
	s->count = 0;
	s->lines = s->want = 0;
	s->map_blocks = 0;
	buf_reset(&s->text);
}

void tar_sparse_free(struct tar_sparse *s)
{
	free(s->extents);
	buf_free(&s->text);
}

static int tar_sparse_malformed(struct err *err)
{
	return err_set(err, EBADMSG, "malformed sparse map");
}

int tar_sparse_add(struct tar_sparse *s, int64_t offset, int64_t length, struct err *err)
{
	if (offset < 0 || length < 0 || offset > INT64_MAX - length)
		return tar_sparse_malformed(err);
	if (s->count == s->cap) {
		uint32_t cap = s->cap ? 2 * s->cap : 16; /* bounded by the text of a map */
		struct extent *extents = realloc(s->extents, cap * sizeof(*extents));

		if (!extents)
			return err_nomem(err);
		s->extents = extents;
		s->cap = cap;
	}
	s->extents[s->count++] = (struct extent){(uint64_t)offset, (uint64_t)length};
	return 0;
}

const char *tar_sparse_number(const char *text, char end, int64_t *out)
{
	bool negative = *text == '-';
	int64_t value = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		int digit = *text - '0';

		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, negative ? -digit : digit, &value))
			return NULL;
	}
	if (*text != end)
		return NULL;
	*out = value;
	return text + 1;
}

int tar_sparse_add_list(struct tar_sparse *s, const char *text, struct err *err)
{
	int64_t offset, length;
	int r;

	while (text && *text) {
		const char *comma;

		text = tar_sparse_number(text, ',', &offset);
		if (!text)
			return tar_sparse_malformed(err);
		comma = tar_sparse_number(text, ',', &length);
		if (!comma && !tar_sparse_number(text, '\0', &length))
			return tar_sparse_malformed(err);
		if (comma && !*comma)
			return tar_sparse_malformed(err);
		r = tar_sparse_add(s, offset, length, err);
		if (r)
			return r;
		text = comma;
	}
	return 0;
}

/* The first entry that does not begin with a digit or a mark of base-256 ends this part of the
 * map, as in GNU tar, bsdtar and Go. */
static int tar_sparse_add_entries(struct tar_sparse *s, const uint8_t *at, int max, struct err *err)
{
	int64_t offset, length;
	int r;

	for (int i = 0; i < max && at[0] != '\0'; i++, at += ENTRY_LEN) {
		if (!tar_header_number(at, ENTRY_LEN / 2, &offset) ||
		    !tar_header_number(at + ENTRY_LEN / 2, ENTRY_LEN / 2, &length))
			return tar_sparse_malformed(err);
		r = tar_sparse_add(s, offset, length, err);
		if (r)
			return r;
	}
	return 0;
}

int tar_sparse_add_header(struct tar_sparse *s, const uint8_t block[static TAR_BLOCK],
			  struct err *err)
{
	int r = tar_sparse_add_entries(s, block + TAR_GNU_SPARSE, ENTRIES_HEADER, err);

	return r ? r : block[TAR_GNU_EXTENDED] ? TAR_SPARSE_MORE : TAR_SPARSE_WHOLE;
}

int tar_sparse_add_block(struct tar_sparse *s, const uint8_t block[static TAR_BLOCK],
			 struct err *err)
{
	int r;

	if (++s->map_blocks > TAR_SPARSE_MAX / TAR_BLOCK)
		return err_set(err, EBADMSG, "sparse map over 1 MiB");
	r = tar_sparse_add_entries(s, block, ENTRIES_BLOCK, err);
	return r ? r : block[BLOCK_EXTENDED] ? TAR_SPARSE_MORE : TAR_SPARSE_WHOLE;
}

/* "count\n", then "offset\n" and "length\n" count times; behind it anything. */
static int take_text(struct tar_sparse *s, struct err *err)
{
	const char *at = memchr(s->text.data, '\n', s->text.len) + 1;
	int64_t offset, length;
	int r;

	assert(s->want > 0 && s->lines >= s->want);
	for (uint64_t left = s->want / 2; left > 0; left--) {
		at = tar_sparse_number(at, '\n', &offset);
		at = at ? tar_sparse_number(at, '\n', &length) : NULL;
		if (!at)
			return tar_sparse_malformed(err);
		r = tar_sparse_add(s, offset, length, err);
		if (r)
			return r;
	}
	return 0;
}

int tar_sparse_add_text(struct tar_sparse *s, const uint8_t block[static TAR_BLOCK],
			struct err *err)
{
	if (s->text.len >= TAR_SPARSE_MAX)
		return err_set(err, EBADMSG, "sparse map over 1 MiB");
	buf_append(&s->text, block, TAR_BLOCK);
	if (buf_failed(&s->text))
		return err_nomem(err);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		s->lines += block[i] == '\n';
	if (!s->want && s->lines) {
		int64_t count;

		if (!tar_sparse_number(s->text.data, '\n', &count) || count < 0 ||
		    count > TAR_SPARSE_MAX / 2)
			return tar_sparse_malformed(err);
		s->want = 1 + 2 * (uint64_t)count;
	}
	if (!s->want || s->lines < s->want)
		return TAR_SPARSE_MORE;
	return take_text(s, err);
}

int tar_sparse_finish(struct tar_sparse *s, uint64_t size, uint64_t stored, struct err *err)
{
	uint64_t end = 0, sum = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		struct extent e = s->extents[i];

		if (e.offset < end || e.offset + e.length > size)
			return err_set(err, EBADMSG, "sparse map out of order or beyond the file");
		if (kept && e.length && s->extents[kept - 1].length && e.offset == end)
			s->extents[kept - 1].length += e.length;
		else if (e.length)
			s->extents[kept++] = e;
		end = e.offset + e.length;
		sum += e.length;
	}
	if (sum != stored)
		return err_set(err, EBADMSG, "sparse map does not match the data that is stored");
	assert(kept <= s->count);
	s->count = kept;
	return kept ? 0 : tar_sparse_add(s, 0, 0, err);
}
