/* SPDX-License-Identifier: MIT */
#include "store/layer/toc_format.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zstd.h>

struct toc_reader {
	ZSTD_DCtx *zstd;
	ZSTD_inBuffer in; /* borrowed */
	bool frame_ended;
	struct buf plain; /* decompressed; records are read at `at` */
	size_t at;
	struct toc_context before;
	struct extent *extents; /* owned, of the entry given last */
	uint32_t extent_cap;
	struct xattr xattrs[ENTRY_XATTRS_MAX];
	uint64_t count;
	bool ended;
};

/* A record's bytes; `bad` once it asked for more than there are, and from then on all is 0. */
struct toc_cursor {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t get_number(struct toc_cursor *c)
{
	uint64_t value = 0;

	for (int shift = 0; c->at < c->end; shift += 7) {
		uint8_t byte = *c->at++;

		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	c->bad = true;
	c->at = c->end;
	return 0;
}

static uint64_t get_signed(struct toc_cursor *c)
{
	uint64_t value = get_number(c);

	return value >> 1 ^ -(value & 1);
}

static uint32_t get_u32(struct toc_cursor *c)
{
	uint64_t value = get_number(c);

	if (value > UINT32_MAX)
		c->bad = true;
	return (uint32_t)value;
}

/* `tail` bytes of NUL must follow them. */
static const char *get_bytes(struct toc_cursor *c, size_t max, size_t tail, size_t *len)
{
	uint64_t n = get_number(c);
	const char *bytes = (const char *)c->at;

	*len = 0;
	if (n > max || n + tail > (size_t)(c->end - c->at) || (tail && bytes[n] != '\0')) {
		c->bad = true;
		c->at = c->end;
		return "";
	}
	c->at += n + tail;
	*len = n;
	return bytes;
}

static void get_path(struct toc_cursor *c, struct toc_context *before, struct entry *e)
{
	uint64_t shared = get_number(c);
	size_t len;
	const char *bytes = get_bytes(c, TOC_PATH_MAX, 0, &len);

	if (shared > before->path.len || shared + len > TOC_PATH_MAX || memchr(bytes, '\0', len)) {
		c->bad = true;
		return;
	}
	before->path.len = shared;
	buf_append(&before->path, bytes, len);
	e->path = before->path.len ? before->path.data : "";
	e->path_len = before->path.len;
}

static void get_map(struct toc_cursor *c, struct toc_reader *r, struct entry *e)
{
	uint64_t end = 0, sum = 0;

	e->stored = get_number(c);
	e->extent_count = get_u32(c);
	if (e->extent_count > TOC_EXTENTS_MAX)
		c->bad = true;
	if (c->bad)
		return;
	if (e->extent_count > r->extent_cap) {
		free(r->extents);
		r->extents = calloc(e->extent_count, sizeof(*r->extents));
		r->extent_cap = r->extents ? e->extent_count : 0;
		c->bad = !r->extents;
	}
	for (uint32_t i = 0; i < e->extent_count && !c->bad; i++) {
		struct extent *x = &r->extents[i];

		if (__builtin_add_overflow(end, get_number(c), &x->offset))
			c->bad = true;
		x->length = get_number(c);
		if (__builtin_add_overflow(x->offset, x->length, &end) || end > e->size)
			c->bad = true;
		sum += x->length; /* at most `end`, so it cannot overflow */
	}
	if (e->extent_count && sum != e->stored)
		c->bad = true;
	e->extents = r->extents;
}

static void get_xattrs(struct toc_cursor *c, struct toc_reader *r, struct entry *e)
{
	size_t len;

	e->xattr_count = get_u32(c);
	if (e->xattr_count > ENTRY_XATTRS_MAX)
		c->bad = true;
	for (uint32_t i = 0; i < e->xattr_count && !c->bad; i++) {
		struct xattr *x = &r->xattrs[i];

		x->name = get_bytes(c, ENTRY_NAME_MAX, 1, &len);
		if (strlen(x->name) != len)
			c->bad = true;
		x->value = get_bytes(c, ENTRY_XATTR_MAX, 0, &len);
		x->size = (uint32_t)len;
	}
	e->xattrs = r->xattrs;
}

static void get_record(struct toc_cursor *c, struct toc_reader *r, struct entry *e)
{
	const struct toc_context *before = &r->before;
	uint8_t flags = *c->at++;

	get_path(c, &r->before, e);
	e->mode = flags & SAME_MODE ? before->mode : get_u32(c);
	e->uid = flags & SAME_OWNER ? before->uid : get_u32(c);
	e->gid = flags & SAME_OWNER ? before->gid : get_u32(c);
	e->mtime = (int64_t)((uint64_t)before->mtime + get_signed(c));
	e->mtime_ns = flags & HAS_NS ? get_u32(c) : 0;
	e->size = get_number(c);
	e->data = before->expected + (flags & PLAIN_DATA ? 0 : get_signed(c));
	e->stored = toc_stored_by_type(e->mode, e->size);
	e->link = "";
	if (flags & HAS_LINK)
		e->link = get_bytes(c, TOC_PATH_MAX, 1, &e->link_len);
	if (flags & HAS_DEVICE) {
		e->dev_major = get_u32(c);
		e->dev_minor = get_u32(c);
	}
	if (flags & HAS_MAP)
		get_map(c, r, e);
	if (flags & HAS_XATTRS)
		get_xattrs(c, r, e);
	if (c->at != c->end || e->mtime_ns > 999999999 || e->size > INT64_MAX ||
	    e->stored > INT64_MAX || e->data > INT64_MAX)
		c->bad = true;
}

int toc_reader_open(const void *data, size_t len, struct toc_reader **out, struct err *err)
{
	AUTO(toc_reader_close) struct toc_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return err_nomem(err);
	r->zstd = ZSTD_createDCtx();
	if (!r->zstd)
		return err_nomem(err);
	ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, TOC_WINDOW_LOG);
	r->in = (ZSTD_inBuffer){data, len, 0};
	*out = steal(&r);
	return 0;
}

void toc_reader_close(struct toc_reader *r)
{
	if (!r)
		return;
	ZSTD_freeDCtx(r->zstd);
	buf_free(&r->plain);
	buf_free(&r->before.path);
	free(r->extents);
	free(r);
}

static int toc_reader_malformed(struct err *err)
{
	return err_set(err, EBADMSG, "malformed table of contents");
}

/* Decompresses until `want` bytes stand at r->at, or the stream ends before. */
static int toc_reader_fill(struct toc_reader *r, size_t want, struct err *err)
{
	if (r->plain.len - r->at >= want)
		return 0;
	if (r->at) {
		memmove(r->plain.data, r->plain.data + r->at, r->plain.len - r->at);
		r->plain.len -= r->at;
		r->at = 0;
	}
	while (r->plain.len < want && !r->frame_ended) {
		ZSTD_outBuffer out = {buf_reserve(&r->plain, TOC_CHUNK), TOC_CHUNK, 0};
		size_t left;

		if (!out.dst)
			return err_nomem(err);
		left = ZSTD_decompressStream(r->zstd, &out, &r->in);
		if (ZSTD_isError(left) || (left && !out.pos && r->in.pos == r->in.size))
			return toc_reader_malformed(err);
		r->plain.len += out.pos;
		r->frame_ended = left == 0;
	}
	return 0;
}

/* A number between records. */
static int next_number(struct toc_reader *r, uint64_t *out, struct err *err)
{
	struct toc_cursor c = {0};
	int rc = toc_reader_fill(r, 10, err); /* a number, unless the stream ends here */

	if (rc)
		return rc;
	c.at = (const uint8_t *)r->plain.data + r->at;
	c.end = c.at + (r->plain.len - r->at);
	*out = get_number(&c);
	r->at = (size_t)(c.at - (const uint8_t *)r->plain.data);
	return c.bad ? toc_reader_malformed(err) : 0;
}

/* Behind the record of length 0. */
static int read_end(struct toc_reader *r, struct err *err)
{
	uint64_t count;
	int rc = next_number(r, &count, err);

	if (rc)
		return rc;
	rc = toc_reader_fill(r, 1, err); /* finds the end of the frame */
	if (rc)
		return rc;
	if (count != r->count || r->at != r->plain.len || r->in.pos != r->in.size)
		return toc_reader_malformed(err);
	r->ended = true;
	return 0;
}

int toc_reader_next(struct toc_reader *r, struct entry *out, struct err *err)
{
	struct toc_cursor c = {0};
	uint64_t len;
	int rc;

	if (r->ended)
		return 0;
	rc = next_number(r, &len, err);
	if (rc)
		return rc;
	if (len == 0)
		return read_end(r, err);
	if (len > TOC_RECORD_MAX)
		return toc_reader_malformed(err);
	rc = toc_reader_fill(r, len, err);
	if (rc)
		return rc;
	if (r->plain.len - r->at < len)
		return toc_reader_malformed(err);
	c.at = (const uint8_t *)r->plain.data + r->at;
	c.end = c.at + len;
	memset(out, 0, sizeof(*out));
	get_record(&c, r, out);
	if (buf_failed(&r->before.path))
		return err_nomem(err);
	if (c.bad)
		return toc_reader_malformed(err);
	r->at += len;
	toc_context_advance(&r->before, out);
	r->count++;
	return 1;
}
