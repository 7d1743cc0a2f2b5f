/* SPDX-License-Identifier: MIT */
#include "store/lazy/ztoc_points.h"

#include "store/layer/raw.h"
#include "store/lazy/flat_writer.h"
#include "store/lazy/ztoc.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define PIECE_SIZE  (256u << 10)
#define HEADER_MAX  (4u << 10) /* bytes of a gzip header that are looked at */
#define HEADER_SIZE 10

struct ztoc_point {
	uint64_t in, out; /* as a checkpoint has them: in is the first whole byte */
	uint8_t bits;
	struct digest digest;
};

struct ztoc_points {
	const struct layer_index *index; /* borrowed */
	struct cancel *cancel;		 /* borrowed */
	struct raw
	    *raw; /* of the blob; owned: what is hashed was verified, as others will rely on it */
	uint64_t size;	       /* of it */
	struct ztoc_point *at; /* owned */
	uint32_t count, cap;
};

void ztoc_points_free(struct ztoc_points *p)
{
	if (!p)
		return;
	raw_put(p->raw);
	free(p->at);
	free(p);
}

uint32_t ztoc_points_count(const struct ztoc_points *p)
{
	return p->count;
}

const struct digest *ztoc_points_digest(const struct ztoc_points *p, uint32_t i)
{
	assert(i < p->count);
	return &p->at[i].digest;
}

/* ---- where spans begin ---- */

/* A name or a comment, from `at` on; 0: it has no end in so many bytes. */
static size_t string_end(const uint8_t *h, size_t at, size_t len)
{
	const uint8_t *nul = at < len ? memchr(h + at, 0, len - at) : NULL;

	return nul ? (size_t)(nul - h) + 1 : 0;
}

/* Where the data of a gzip member begin (RFC 1952, 2.3). */
static int header_end(const struct ztoc_points *p, uint64_t at, uint64_t *end, struct err *err)
{
	autobuf head = BUF_INIT;
	size_t len = p->size - at < HEADER_MAX ? (size_t)(p->size - at) : HEADER_MAX;
	size_t n = HEADER_SIZE;
	const uint8_t *h;
	int r = raw_read(p->raw, at, len, &head, err);

	if (r)
		return r;
	h = (const uint8_t *)head.data;
	if (len > HEADER_SIZE + 2 && h[3] & 4)
		n += 2 + (h[10] | (size_t)h[11] << 8);
	for (unsigned flag = 8; n && flag <= 16; flag *= 2)
		if (len > HEADER_SIZE && h[3] & flag)
			n = string_end(h, n, len);
	if (n && len > HEADER_SIZE && h[3] & 2)
		n += 2;
	if (n == 0 || n >= len)
		return err_set(err, EOPNOTSUPP, "a gzip header of more than %zu bytes", len);
	*end = at + n;
	return 0;
}

static int ztoc_points_add(struct ztoc_points *p, struct ztoc_point point, struct err *err)
{
	if (p->count == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : 64;
		struct ztoc_point *at = reallocarray(p->at, cap, sizeof(*at));

		if (!at)
			return err_nomem(err);
		p->at = at;
		p->cap = cap;
	}
	if ((uint64_t)p->count * ZTOC_CHECKPOINT > ZTOC_MAX)
		return err_set(err, EOPNOTSUPP, "more than %u MiB of windows", ZTOC_MAX >> 20);
	p->at[p->count++] = point;
	return 0;
}

static int add_gzip(struct ztoc_points *p, const struct layer_part *part, struct err *err)
{
	const struct seek_point *from = &part->span.from;
	struct ztoc_point point = {.in = from->in + (from->bit > 0),
				   .out = from->out,
				   .bits = from->bit ? (uint8_t)(8 - from->bit) : 0};
	int r = from->window ? 0 : header_end(p, from->in, &point.in, err);

	return r ? r : ztoc_points_add(p, point, err);
}

/* Parts that cannot be reached in the blob belong to the span before. */
static int find_gzip(struct ztoc_points *p, struct err *err)
{
	uint64_t size = layer_index_archive_size(p->index);
	struct layer_part part;
	int r = 0;

	for (uint64_t at = 0; !r && at < size; at += part.span.len) {
		r = layer_index_find(p->index, at, &part);
		if (r)
			return err_set(err, -r, "the index of the layer is damaged");
		if (p->count == 0 ||
		    (!part.in_frames && at - p->at[p->count - 1].out > ZTOC_SPAN_SIZE))
			r = add_gzip(p, &part, err);
	}
	return r;
}

static int find_plain(struct ztoc_points *p, struct err *err)
{
	int r = 0;

	for (uint64_t at = 0; !r && at < p->size; at += ZTOC_SPAN_SIZE)
		r = ztoc_points_add(p, (struct ztoc_point){.in = at, .out = at}, err);
	return r;
}

/* ---- digests ---- */

static int hash_range(const struct ztoc_points *p, uint64_t from, uint64_t end, struct buf *piece,
		      struct digest *out, struct err *err)
{
	AUTO(hash_close) struct hash *hash = NULL;
	int r = hash_open(DIGEST_SHA256, &hash, err);

	while (!r && from < end) {
		size_t n = end - from < PIECE_SIZE ? (size_t)(end - from) : PIECE_SIZE;

		buf_reset(piece);
		r = cancel_check(p->cancel, err);
		if (!r)
			r = raw_read(p->raw, from, n, piece, err);
		if (!r)
			hash_update(hash, piece->data, n);
		from += n;
	}
	if (!r)
		hash_final(hash, out);
	return r;
}

static int hash_spans(struct ztoc_points *p, struct err *err)
{
	autobuf piece = BUF_INIT;
	int r = 0;

	for (uint32_t i = 0; !r && i < p->count; i++) {
		struct ztoc_point *at = &p->at[i];
		uint64_t end = i + 1 < p->count ? at[1].in : p->size;

		r = hash_range(p, at->in - (at->bits > 0), end, &piece, &at->digest, err);
	}
	return r;
}

static int find_points(struct ztoc_points *p, struct err *err)
{
	switch (layer_index_compression(p->index)) {
	case COMPRESSION_NONE:
		return find_plain(p, err);
	case COMPRESSION_GZIP:
		return find_gzip(p, err);
	case COMPRESSION_ZSTD:
		break;
	}
	return err_set(err, EOPNOTSUPP, "there is none of a layer of zstd");
}

int ztoc_points_find(struct store *s, const struct digest *blob, const struct layer_index *index,
		     struct cancel *cancel, struct ztoc_points **out, struct err *err)
{
	AUTO(ztoc_points_free) struct ztoc_points *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_nomem(err);
	p->index = index;
	p->cancel = cancel;
	p->size = layer_index_blob_size(index);
	r = raw_open(s, blob, &p->raw, err);
	if (!r)
		r = find_points(p, err);
	if (!r && p->count == 0)
		r = err_set(err, EOPNOTSUPP, "there is none of a layer without content");
	if (!r)
		r = hash_spans(p, err);
	if (!r)
		*out = steal(&p);
	return r;
}

/* ---- what describes them ---- */

static void put_le64(struct buf *out, uint64_t v)
{
	v = htole64(v);
	buf_append(out, &v, sizeof(v));
}

/* The bytes before the point stand at the window's end. */
static int put_window(const struct ztoc_points *p, uint64_t at, struct buf *out, struct err *err)
{
	uint8_t window[ZTOC_WINDOW] = {0};
	struct layer_part part;
	size_t len;
	int r = layer_index_find(p->index, at, &part);

	if (r)
		return err_set(err, -r, "the index of the layer is damaged");
	len = part.span.from.window;
	if (len > 0 && ZSTD_decompress(window + sizeof(window) - len, len, part.window,
				       part.window_size) != len)
		return err_set(err, EBADMSG, "the window of a seek point is damaged");
	buf_append(out, window, sizeof(window));
	return 0;
}

static int put_gzip(const struct ztoc_points *p, struct buf *out, struct err *err)
{
	uint32_t count = htole32(p->count);
	int r = 0;

	buf_append(out, &count, sizeof(count));
	put_le64(out, ZTOC_SPAN_SIZE);
	for (uint32_t i = 0; !r && i < p->count; i++) {
		put_le64(out, p->at[i].in);
		put_le64(out, p->at[i].out);
		buf_putc(out, (char)p->at[i].bits);
		r = put_window(p, p->at[i].out, out, err);
	}
	return r;
}

static void put_plain(const struct ztoc_points *p, struct buf *out)
{
	static const uint8_t sizes[] = {
	    [ZTOC_F_TAR_VERSION] = 4, [ZTOC_F_TAR_SPAN_SIZE] = 8, [ZTOC_F_TAR_SIZE] = 8};
	struct flat_writer w = {BUF_INIT};
	struct flat_shape shape;
	uint32_t t;

	flat_write_root(&w);
	shape = flat_write_shape(&w, sizes, sizeof(sizes));
	t = flat_write_table(&w, &shape, FLAT_ROOT);
	flat_write_i32(&w, t + shape.at[ZTOC_F_TAR_VERSION], ZTOC_ZINFO_VERSION);
	flat_write_i64(&w, t + shape.at[ZTOC_F_TAR_SPAN_SIZE], ZTOC_SPAN_SIZE);
	flat_write_i64(&w, t + shape.at[ZTOC_F_TAR_SIZE], (int64_t)p->size);
	buf_append(out, w.out.data, w.out.len);
	out->failed |= buf_failed(&w.out);
	buf_free(&w.out);
}

int ztoc_points_zinfo(const struct ztoc_points *p, struct buf *out, struct err *err)
{
	int r = 0;

	if (layer_index_compression(p->index) == COMPRESSION_GZIP)
		r = put_gzip(p, out, err);
	else
		put_plain(p, out);
	return !r && buf_failed(out) ? err_nomem(err) : r;
}
