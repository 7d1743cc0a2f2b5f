/* SPDX-License-Identifier: MIT */
/*
 * gzip (RFC 1952): headers and trailers here, the deflate stream between them by an inflater.
 * Members may follow one another, as zcat and Go take them. After the last member zero bytes are
 * ignored (padding of tapes and blocks; gzip(1) does so too), anything else is refused, as Go
 * does and gzip(1) does not: a layer with a tail that one tool sees and another does not is not
 * to be trusted.
 */
#include "store/codec/codec_ops.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HEADER_SIZE  10
#define TRAILER_SIZE 8
#define STRING_MAX   (1u << 20) /* of a name or a comment; Go allows 512 bytes */

enum {
	FHCRC = 2,
	FEXTRA = 4,
	FNAME = 8,
	FCOMMENT = 16,
	FRESERVED = 0xe0
}; /* FTEXT 1 says nothing */

enum part {
	PART_HEADER,
	PART_EXTRA_LENGTH,
	PART_EXTRA,
	PART_NAME,
	PART_COMMENT,
	PART_HEADER_CRC,
	PART_PRIME, /* only where decoding starts inside of a byte */
	PART_BODY,
	PART_TRAILER,
	PART_PADDING,
};

struct gzip {
	struct codec base; /* base.in: offset of what comes next in the input */
	const struct inflate_ops *inflate;
	struct inflate *z;
	struct seek_point from; /* where decoding started, */
	const void *window;	/* and what lies before: borrowed */

	enum part part;
	uint8_t flags;
	uint8_t field[HEADER_SIZE]; /* a header, trailer or number, as far as it has come */
	unsigned have;
	uint32_t extra;	     /* bytes of the extra field, or of a string, to go */
	uint32_t header_crc; /* of the header so far */

	bool after_member;   /* one has ended: padding may follow */
	bool whole;	     /* the member was seen from its start: crc and size can be checked */
	uint32_t crc;	     /* of the member's plain bytes */
	uint64_t member_out; /* offset of the member's first plain byte */
	uint64_t next_point; /* the next block boundary from here on is a seek point */
	uint64_t point_out;  /* of the last point */
	bool has_point;

	/* Plain bytes: [given, pos) are for the sink, what lies before is the window. */
	uint8_t *buf;
	size_t given, pos, size;
	uint8_t own[]; /* buf; a target is its own */
};

#define BUFFER_SIZE (CODEC_WINDOW + CODEC_CHUNK)

struct gzip_cursor {
	const uint8_t *p;
	size_t len;
};

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void gzip_take(struct gzip *g, struct gzip_cursor *cur, size_t n)
{
	cur->p += n;
	cur->len -= n;
	g->base.in += n;
}

static int gzip_corrupt(const struct gzip *g, struct err *err, const char *what)
{
	return err_set(err, EBADMSG, "gzip: %s, at compressed offset %llu", what,
		       (unsigned long long)g->base.in);
}

static uint64_t out_offset(const struct gzip *g)
{
	return g->base.out + (g->pos - g->given);
}

static int gzip_flush(struct gzip *g, struct err *err)
{
	size_t n = g->pos - g->given;
	int r;

	assert(g->given <= g->pos && g->pos <= g->size);
	r = n ? codec_give(&g->base, g->buf + g->given, n, err) : 0;

	g->given = g->pos;
	return r;
}

static int point(struct gzip *g, const struct seek_point *p, struct err *err)
{
	int r = gzip_flush(g, err);

	assert(p->window <= g->pos);
	g->has_point = true;
	g->point_out = p->out;
	return r ? r : g->base.sink.point(g->base.sink.arg, p, g->buf + g->pos - p->window, err);
}

/* Collects a field of `need` bytes; true when it is complete (it is then in g->field). */
static bool gzip_collect(struct gzip *g, struct gzip_cursor *cur, unsigned need)
{
	size_t n = need - g->have;

	assert(need <= sizeof(g->field) && g->have < need);
	if (n > cur->len)
		n = cur->len;
	memcpy(g->field + g->have, cur->p, n);
	gzip_take(g, cur, n);
	g->have += (unsigned)n;
	if (g->have < need)
		return false;
	g->have = 0;
	return true;
}

static void header_hash(struct gzip *g, const void *data, size_t len)
{
	g->header_crc = g->inflate->crc32(g->header_crc, data, len);
}

/* The next part of the header that its flags announce. */
static void next_part(struct gzip *g)
{
	static const struct {
		uint8_t flag;
		enum part part;
	} parts[] = {{FEXTRA, PART_EXTRA_LENGTH},
		     {FNAME, PART_NAME},
		     {FCOMMENT, PART_COMMENT},
		     {FHCRC, PART_HEADER_CRC}};

	g->extra = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (g->flags & parts[i].flag) {
			g->flags &= (uint8_t)~parts[i].flag;
			g->part = parts[i].part;
			return;
		}
	}
	g->part = PART_BODY;
}

/* A member starts: a seek point that needs no window, where one is due soon anyway. */
static int member_point(struct gzip *g, struct err *err)
{
	struct seek_point p = {.out = out_offset(g), .in = g->base.in};

	if (!g->base.sink.point || (g->has_point && p.out - g->point_out < CODEC_SPACING / 2))
		return 0;
	return point(g, &p, err);
}

static int header(struct gzip *g, struct gzip_cursor *cur, struct err *err)
{
	const uint8_t *h = g->field;
	int r;

	if (g->have == 0) {
		if (g->after_member && *cur->p == 0) {
			g->part = PART_PADDING;
			return 0;
		}
		r = member_point(g, err);
		if (r)
			return r;
	}
	if (!gzip_collect(g, cur, HEADER_SIZE))
		return 0;
	if (h[0] != 0x1f || h[1] != 0x8b)
		return gzip_corrupt(g, err, "neither a member nor padding follows a member");
	if (h[2] != 8 || (h[3] & FRESERVED))
		return gzip_corrupt(g, err, "a header with an unknown method or flag");

	g->flags = h[3];
	g->header_crc = 0;
	header_hash(g, h, HEADER_SIZE);
	g->inflate->reset(g->z);
	g->whole = !g->base.target.data;
	g->crc = 0;
	g->member_out = out_offset(g);
	/* A block boundary is looked for from INFLATE_NEAR before, and not in a member's first
	 * bytes. */
	g->next_point = g->point_out + CODEC_SPACING;
	if (g->next_point < g->member_out + 2 * INFLATE_NEAR)
		g->next_point = g->member_out + 2 * INFLATE_NEAR;
	next_part(g);
	return 0;
}

/* The extra field's length, and then its bytes. */
static int extra_length(struct gzip *g, struct gzip_cursor *cur, struct err *err)
{
	(void)err;
	if (!gzip_collect(g, cur, 2))
		return 0;
	header_hash(g, g->field, 2);
	g->extra = g->field[0] | (uint32_t)g->field[1] << 8;
	g->part = PART_EXTRA;
	return 0;
}

static int extra(struct gzip *g, struct gzip_cursor *cur, struct err *err)
{
	size_t n = cur->len < g->extra ? cur->len : g->extra;

	(void)err;
	header_hash(g, cur->p, n);
	gzip_take(g, cur, n);
	g->extra -= (uint32_t)n;
	if (g->extra == 0)
		next_part(g);
	return 0;
}

/* A name or a comment, up to its NUL. */
static int gzip_string(struct gzip *g, struct gzip_cursor *cur, struct err *err)
{
	const uint8_t *nul = memchr(cur->p, 0, cur->len);
	size_t n = nul ? (size_t)(nul - cur->p) + 1 : cur->len;

	header_hash(g, cur->p, n);
	gzip_take(g, cur, n);
	g->extra += (uint32_t)(n < STRING_MAX ? n : STRING_MAX);
	if (g->extra > STRING_MAX)
		return gzip_corrupt(g, err, "a name or comment without end");
	if (nul)
		next_part(g);
	return 0;
}

static int header_crc(struct gzip *g, struct gzip_cursor *cur, struct err *err)
{
	if (!gzip_collect(g, cur, 2))
		return 0;
	if ((g->header_crc & 0xffff) != (g->field[0] | (uint32_t)g->field[1] << 8))
		return gzip_corrupt(g, err, "a header's checksum does not match");
	next_part(g);
	return 0;
}

/* Decoding starts behind `bit` bits of the first byte. */
static int prime(struct gzip *g, struct gzip_cursor *cur, struct err *err)
{
	unsigned bit = g->from.bit, value = 0;

	(void)err;
	if (bit > 0) {
		value = (unsigned)*cur->p >> bit;
		gzip_take(g, cur, 1);
	}
	g->inflate->resume(g->z, g->window, g->from.window, bit ? 8 - bit : 0, value);
	g->part = PART_BODY;
	return 0;
}

static int trailer(struct gzip *g, struct gzip_cursor *cur, struct err *err)
{
	uint64_t size = out_offset(g) - g->member_out;

	if (!gzip_collect(g, cur, TRAILER_SIZE))
		return 0;
	if (g->whole && le32(g->field) != g->crc)
		return gzip_corrupt(g, err, "the data do not match their checksum");
	if (g->whole && le32(g->field + 4) != (uint32_t)size)
		return gzip_corrupt(g, err, "the data do not match their size");
	g->after_member = true;
	g->part = PART_HEADER;
	return 0;
}

/* A seek point between two blocks. */
static int block_point(struct gzip *g, unsigned unread_bits, struct err *err)
{
	uint64_t in = g->base.in * 8 - unread_bits;
	uint64_t window = out_offset(g) - g->member_out;
	struct seek_point p = {
	    .out = out_offset(g),
	    .in = in / 8,
	    .bit = in % 8,
	    .window = window < CODEC_WINDOW ? (uint32_t)window : CODEC_WINDOW,
	};

	g->next_point = p.out + CODEC_SPACING;
	return point(g, &p, err);
}

/* The end of the deflate stream; bytes of the trailer may have been swallowed by the inflater. */
static int body_end(struct gzip *g, const struct inflate_io *io, struct gzip_cursor *cur,
		    struct err *err)
{
	struct gzip_cursor unread = {io->unread, io->unread_len};

	g->base.in -= io->unread_len;
	g->part = PART_TRAILER;
	if (unread.len > 0) {
		int r = trailer(g, &unread, err);

		if (r || g->part != PART_TRAILER)
			return r;
	}
	return cur->len > 0 ? trailer(g, cur, err) : 0;
}

/* Room for plain bytes behind pos; the window stays in front of it. */
static int gzip_make_room(struct gzip *g, struct err *err)
{
	int r;

	if (g->pos < g->size || g->base.target.data)
		return 0;
	r = gzip_flush(g, err);
	memmove(g->buf, g->buf + g->pos - CODEC_WINDOW, CODEC_WINDOW);
	g->pos = g->given = CODEC_WINDOW;
	return r;
}

static uint64_t to_next_point(const struct gzip *g)
{
	uint64_t out = out_offset(g);

	return g->next_point > out ? g->next_point - out : 0;
}

static int gzip_body(struct gzip *g, struct gzip_cursor *cur, struct err *err)
{
	for (;;) {
		struct inflate_io io = {.in = cur->p, .in_len = cur->len, .boundary = UINT64_MAX};
		enum inflate_result result;
		size_t in, out;
		int r = gzip_make_room(g, err);

		if (r)
			return r;
		if (g->pos == g->size) { /* the target is full */
			gzip_take(g, cur, cur->len);
			return 0;
		}
		io.out = g->buf + g->pos;
		io.out_len = g->size - g->pos;
		if (g->base.sink.point)
			io.boundary = to_next_point(g);

		result = g->inflate->run(g->z, &io);
		in = cur->len - io.in_len;
		out = g->size - g->pos - io.out_len;
		if (result == INFLATE_CORRUPT)
			return gzip_corrupt(g, err, "corrupt data");
		if (g->whole)
			g->crc = g->inflate->crc32(g->crc, g->buf + g->pos, out);
		gzip_take(g, cur, in);
		g->pos += out;

		if (result == INFLATE_END)
			return body_end(g, &io, cur, err);
		if (result == INFLATE_BOUNDARY)
			r = block_point(g, io.unread_bits, err);
		else if (io.out_len > 0 && cur->len == 0)
			return 0;
		else if (in == 0 && out == 0)
			return gzip_corrupt(g, err, "the decoder makes no progress");
		if (r)
			return r;
	}
}

static int gzip_padding(struct gzip *g, struct gzip_cursor *cur, struct err *err)
{
	for (size_t i = 0; i < cur->len; i++) {
		if (cur->p[i] != 0)
			return gzip_corrupt(g, err,
					    "neither a member nor padding follows a member");
	}
	gzip_take(g, cur, cur->len);
	return 0;
}

static int gzip_feed(struct codec *c, const uint8_t *data, size_t len, struct err *err)
{
	static int (*const parts[])(struct gzip *, struct gzip_cursor *, struct err *) = {
	    [PART_HEADER] = header,	  [PART_EXTRA_LENGTH] = extra_length,
	    [PART_EXTRA] = extra,	  [PART_NAME] = gzip_string,
	    [PART_COMMENT] = gzip_string, [PART_HEADER_CRC] = header_crc,
	    [PART_PRIME] = prime,	  [PART_BODY] = gzip_body,
	    [PART_TRAILER] = trailer,	  [PART_PADDING] = gzip_padding,
	};
	struct gzip *g = (struct gzip *)c;
	struct gzip_cursor cur = {data, len};
	int r = 0;

	while (cur.len > 0 && !r)
		r = parts[g->part](g, &cur, err);
	if (!r && !g->base.sink.point) /* no end follows when one span is decoded */
		r = gzip_flush(g, err);
	return r;
}

static bool gzip_may_end(const struct codec *c)
{
	const struct gzip *g = (const struct gzip *)c;

	return g->after_member && g->have == 0 &&
	       (g->part == PART_HEADER || g->part == PART_PADDING);
}

static int gzip_finish(struct codec *c, struct err *err)
{
	struct gzip *g = (struct gzip *)c;

	if (!gzip_may_end(c))
		return gzip_corrupt(g, err, "truncated");
	return gzip_flush(g, err);
}

static void gzip_close(struct codec *c)
{
	struct gzip *g = (struct gzip *)c;

	g->inflate->close(g->z);
	free(g);
}

static struct gzip *gzip_new(const struct inflate_ops *inflate, size_t own)
{
	static const struct codec_ops ops = {gzip_feed, gzip_finish, gzip_may_end, gzip_close};
	struct gzip *g = malloc(sizeof(*g) + own);

	if (!g)
		return NULL;
	memset(g, 0, sizeof(*g)); /* own is written before it is read */
	g->base.ops = &ops;
	g->buf = g->own;
	g->size = own;
	g->inflate = inflate;
	g->z = inflate->open();
	if (!g->z) {
		free(g);
		return NULL;
	}
	return g;
}

int gzip_open(const struct inflate_ops *inflate, const struct codec_sink *sink, struct codec **out,
	      struct err *err)
{
	struct gzip *g = gzip_new(inflate, BUFFER_SIZE);

	if (!g)
		return err_nomem(err);
	g->base.sink = *sink;
	*out = &g->base;
	return 0;
}

int gzip_open_at(const struct inflate_ops *inflate, const struct seek_point *from,
		 const void *window, const struct codec_target *target, struct codec **out,
		 struct err *err)
{
	struct gzip *g = gzip_new(inflate, 0);

	if (!g)
		return err_nomem(err);
	g->from = *from;
	g->window = window;
	g->base.in = from->in;
	g->base.out = from->out;
	g->base.target = *target;
	g->buf = target->data;
	g->size = target->len;
	if (from->window > 0)
		g->part = PART_PRIME;
	*out = &g->base;
	return 0;
}
