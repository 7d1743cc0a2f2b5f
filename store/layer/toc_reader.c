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

static void get_map(struct toc_cursor *c, struct toc_reader *t, struct entry *e)
{
	uint64_t end = 0, sum = 0;

	e->stored = get_number(c);
	e->extent_count = get_u32(c);
	if (e->extent_count > TOC_EXTENTS_MAX)
		c->bad = true;
	if (c->bad)
		return;
	if (e->extent_count > t->extent_cap) {
		free(t->extents);
		t->extents = calloc(e->extent_count, sizeof(*t->extents));
		t->extent_cap = t->extents ? e->extent_count : 0;
		c->bad = !t->extents;
	}
	for (uint32_t i = 0; i < e->extent_count && !c->bad; i++) {
		struct extent *x = &t->extents[i];

		if (__builtin_add_overflow(end, get_number(c), &x->offset))
			c->bad = true;
		x->length = get_number(c);
		if (__builtin_add_overflow(x->offset, x->length, &end) || end > e->size)
			c->bad = true;
		sum += x->length; /* at most `end`, so it cannot overflow */
	}
	if (e->extent_count && sum != e->stored)
		c->bad = true;
	e->extents = t->extents;
}

static void get_xattrs(struct toc_cursor *c, struct toc_reader *t, struct entry *e)
{
	size_t len;

	e->xattr_count = get_u32(c);
	if (e->xattr_count > ENTRY_XATTRS_MAX)
		c->bad = true;
	for (uint32_t i = 0; i < e->xattr_count && !c->bad; i++) {
		struct xattr *x = &t->xattrs[i];

		x->name = get_bytes(c, ENTRY_NAME_MAX, 1, &len);
		if (strlen(x->name) != len)
			c->bad = true;
		x->value = get_bytes(c, ENTRY_XATTR_MAX, 0, &len);
		x->size = (uint32_t)len;
	}
	e->xattrs = t->xattrs;
}

static void get_record(struct toc_cursor *c, struct toc_reader *t, struct entry *e)
{
	const struct toc_context *before = &t->before;
	uint8_t flags = *c->at++;

	get_path(c, &t->before, e);
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
		get_map(c, t, e);
	if (flags & HAS_XATTRS)
		get_xattrs(c, t, e);
	if (c->at != c->end || e->mtime_ns > 999999999 || e->size > INT64_MAX ||
	    e->stored > INT64_MAX || e->data > INT64_MAX)
		c->bad = true;
}

int toc_reader_open(const void *data, size_t len, struct toc_reader **out, struct err *err)
{
	AUTO(toc_reader_close) struct toc_reader *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(err);
	t->zstd = ZSTD_createDCtx();
	if (!t->zstd)
		return err_nomem(err);
	ZSTD_DCtx_setParameter(t->zstd, ZSTD_d_windowLogMax, TOC_WINDOW_LOG);
	t->in = (ZSTD_inBuffer){data, len, 0};
	*out = steal(&t);
	return 0;
}

void toc_reader_close(struct toc_reader *t)
{
	if (!t)
		return;
	ZSTD_freeDCtx(t->zstd);
	buf_free(&t->plain);
	buf_free(&t->before.path);
	free(t->extents);
	free(t);
}

static int toc_reader_malformed(struct err *err)
{
	return err_set(err, EBADMSG, "malformed table of contents");
}

/* Decompresses until `want` bytes stand at t->at, or the stream ends before. */
static int toc_reader_fill(struct toc_reader *t, size_t want, struct err *err)
{
	if (t->plain.len - t->at >= want)
		return 0;
	if (t->at) {
		memmove(t->plain.data, t->plain.data + t->at, t->plain.len - t->at);
		t->plain.len -= t->at;
		t->at = 0;
	}
	while (t->plain.len < want && !t->frame_ended) {
		ZSTD_outBuffer out = {buf_reserve(&t->plain, TOC_CHUNK), TOC_CHUNK, 0};
		size_t left;

		if (!out.dst)
			return err_nomem(err);
		left = ZSTD_decompressStream(t->zstd, &out, &t->in);
		if (ZSTD_isError(left) || (left && !out.pos && t->in.pos == t->in.size))
			return toc_reader_malformed(err);
		t->plain.len += out.pos;
		t->frame_ended = left == 0;
	}
	return 0;
}

/* A number between records. */
static int next_number(struct toc_reader *t, uint64_t *out, struct err *err)
{
	struct toc_cursor c = {0};
	int r = toc_reader_fill(t, 10, err); /* a number, unless the stream ends here */

	if (r)
		return r;
	c.at = (const uint8_t *)t->plain.data + t->at;
	c.end = c.at + (t->plain.len - t->at);
	*out = get_number(&c);
	t->at = (size_t)(c.at - (const uint8_t *)t->plain.data);
	return c.bad ? toc_reader_malformed(err) : 0;
}

/* Behind the record of length 0. */
static int read_end(struct toc_reader *t, struct err *err)
{
	uint64_t count;
	int r = next_number(t, &count, err);

	if (r)
		return r;
	r = toc_reader_fill(t, 1, err); /* finds the end of the frame */
	if (r)
		return r;
	if (count != t->count || t->at != t->plain.len || t->in.pos != t->in.size)
		return toc_reader_malformed(err);
	t->ended = true;
	return 0;
}

int toc_reader_next(struct toc_reader *t, struct entry *out, struct err *err)
{
	struct toc_cursor c = {0};
	uint64_t len;
	int r;

	if (t->ended)
		return TOC_END;
	r = next_number(t, &len, err);
	if (r)
		return r;
	if (len == 0)
		return read_end(t, err);
	if (len > TOC_RECORD_MAX)
		return toc_reader_malformed(err);
	r = toc_reader_fill(t, len, err);
	if (r)
		return r;
	if (t->plain.len - t->at < len)
		return toc_reader_malformed(err);
	c.at = (const uint8_t *)t->plain.data + t->at;
	c.end = c.at + len;
	memset(out, 0, sizeof(*out));
	get_record(&c, t, out);
	if (buf_failed(&t->before.path))
		return err_nomem(err);
	if (c.bad)
		return toc_reader_malformed(err);
	t->at += len;
	toc_context_advance(&t->before, out);
	t->count++;
	return TOC_ENTRY;
}
