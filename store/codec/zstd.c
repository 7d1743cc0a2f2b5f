/* SPDX-License-Identifier: MIT */
/*
 * zstd (RFC 8878): frames one after another, skippable ones among them. Decoding can start at each
 * frame, so these are the seek points. A layer of a single frame has none inside; it is read by
 * store/layer/frames.h. (libzstd can be started at any block, too, given the window and the entropy
 * tables as a dictionary. With that there would be more points, and nothing else would change.)
 */
#include "store/codec/codec_ops.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

/* 128 MiB: what `zstd --long` makes at most, and what its decoder takes without being asked. The
 * memory is touched only as far as the frame is long. */
#define WINDOW_LOG_MAX 27

/* Small frames, as zstd:chunked has them for each file, share a span. */
#define FRAME_SPACING (CODEC_SPACING / 4)

#define MAGIC_SIZE  4
#define HEADER_MAX  18
#define WINDOW_FREE (1u << 20) /* smaller ones are not worth asking for */

struct zstd {
	struct codec base;
	ZSTD_DCtx *d;
	bool in_frame;
	uint8_t header[HEADER_MAX]; /* of the next frame, as far as it has come */
	size_t have;
	size_t window;	    /* the largest so far */
	uint64_t point_out; /* of the last point */
	bool has_point;
	uint8_t buf[CODEC_CHUNK];
};

static int zstd_corrupt(const struct zstd *z, struct err *err, const char *what)
{
	return err_set(err, EBADMSG, "zstd: %s, at compressed offset %llu", what,
		       (unsigned long long)z->base.in);
}

static int frame_point(struct zstd *z, struct err *err)
{
	struct seek_point p = {.out = z->base.out, .in = z->base.in};

	if (!z->base.sink.point || (z->has_point && p.out - z->point_out < FRAME_SPACING))
		return 0;
	z->has_point = true;
	z->point_out = p.out;
	return z->base.sink.point(z->base.sink.arg, &p, NULL, err);
}

/* Runs the decoder until the input is used up or the frame ends; the count taken, or -errno. */
static ssize_t zstd_decode(struct zstd *z, const uint8_t *data, size_t len, struct err *err)
{
	ZSTD_inBuffer in = {data, len, 0};

	for (;;) {
		ZSTD_outBuffer out = {z->buf, sizeof(z->buf), 0};
		size_t before = in.pos;
		size_t left = ZSTD_decompressStream(z->d, &out, &in);
		int r;

		if (ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge)
			return err_set(err, EOPNOTSUPP, "zstd: a window of more than %u MiB",
				       1u << (WINDOW_LOG_MAX - 20));
		if (ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation)
			return err_nomem(err);
		if (ZSTD_isError(left))
			return zstd_corrupt(z, err, ZSTD_getErrorName(left));

		r = out.pos > 0 ? codec_give(&z->base, z->buf, out.pos, err) : 0;
		if (r)
			return r;
		if (left == 0) {
			z->in_frame = false;
			return (ssize_t)in.pos;
		}
		if (in.pos == in.size && out.pos < out.size)
			return (ssize_t)in.pos;
		if (in.pos == before && out.pos == 0)
			return zstd_corrupt(z, err, "the decoder makes no progress");
	}
}

static bool is_frame(const struct zstd *z)
{
	static const uint8_t magic[MAGIC_SIZE] = {0x28, 0xb5, 0x2f, 0xfd};

	return memcmp(z->header, magic, sizeof(magic)) == 0;
}

static bool is_skippable(const struct zstd *z)
{
	static const uint8_t magic[] = {0x2a, 0x4d, 0x18};

	return (z->header[0] & 0xf0) == 0x50 && memcmp(z->header + 1, magic, sizeof(magic)) == 0;
}

/* What a frame's header has (RFC 8878, 3.1.1.1). */
struct frame_header {
	size_t size;
	uint64_t window;
};

static struct frame_header read_header(const uint8_t *h)
{
	static const uint8_t id_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
	uint8_t descriptor = h[MAGIC_SIZE];
	bool single = descriptor & 0x20; /* then the window is the content */
	size_t content = content_sizes[descriptor >> 6];
	struct frame_header f = {.size = MAGIC_SIZE + 1 + !single + id_sizes[descriptor & 3]};

	if (single) {
		content = content ? content : 1;
		for (size_t i = content; i-- > 0;)
			f.window = f.window << 8 | h[f.size + i];
		f.window += content == 2 ? 256 : 0;
	} else {
		uint64_t base = UINT64_C(1) << (10 + (h[MAGIC_SIZE + 1] >> 3));

		f.window = base + base / 8 * (h[MAGIC_SIZE + 1] & 7);
	}
	f.size += content;
	return f;
}

/* The bytes of the header that are to be seen before the frame begins, as far as is known. */
static size_t header_need(const struct zstd *z)
{
	if (z->have < MAGIC_SIZE || !is_frame(z))
		return MAGIC_SIZE;
	return z->have == MAGIC_SIZE ? MAGIC_SIZE + 1 : read_header(z->header).size;
}

static int ask_for_window(struct zstd *z, struct err *err)
{
	uint64_t window = is_frame(z) ? read_header(z->header).window : 0;
	int r;

	if (!z->base.sink.window || window < WINDOW_FREE || window <= z->window ||
	    window > UINT64_C(1) << WINDOW_LOG_MAX)
		return 0;
	r = z->base.sink.window(z->base.sink.arg, (size_t)window, err);
	if (!r)
		z->window = (size_t)window;
	return r;
}

/* A frame begins. libzstd would take formats from before version 1 here. */
static int zstd_begin(struct zstd *z, struct err *err)
{
	size_t have = z->have;
	int r;

	if (!is_frame(z) && !is_skippable(z))
		return zstd_corrupt(z, err, "no frame follows a frame");
	r = ask_for_window(z, err);
	if (r < 0)
		return r;
	z->have = 0;
	z->in_frame = true;
	ZSTD_DCtx_reset(z->d, ZSTD_reset_session_only);
	return (int)zstd_decode(z, z->header, have, err);
}

static int zstd_feed(struct codec *c, const uint8_t *data, size_t len, struct err *err)
{
	struct zstd *z = (struct zstd *)c;

	while (len > 0) {
		ssize_t n;

		if (z->in_frame) {
			n = zstd_decode(z, data, len, err);
		} else {
			n = z->have == 0 ? frame_point(z, err) : 0;
			if (n == 0) {
				z->header[z->have++] = *data;
				n = 1;
			}
		}
		if (n < 0)
			return (int)n;
		data += n;
		len -= (size_t)n;
		z->base.in += (size_t)n;
		if (z->have > 0 && z->have == header_need(z)) {
			int r = zstd_begin(z, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static bool zstd_may_end(const struct codec *c)
{
	const struct zstd *z = (const struct zstd *)c;

	return !z->in_frame && z->have == 0 && z->base.in > 0;
}

static int zstd_finish(struct codec *c, struct err *err)
{
	return zstd_may_end(c) ? 0 : zstd_corrupt((struct zstd *)c, err, "truncated");
}

static void zstd_close(struct codec *c)
{
	struct zstd *z = (struct zstd *)c;

	ZSTD_freeDCtx(z->d);
	free(z);
}

static struct zstd *zstd_new(void)
{
	static const struct codec_ops ops = {zstd_feed, zstd_finish, zstd_may_end, zstd_close};
	struct zstd *z = malloc(sizeof(*z));

	if (!z)
		return NULL;
	memset(z, 0, offsetof(struct zstd, buf));
	z->base.ops = &ops;
	z->d = ZSTD_createDCtx();
	if (!z->d) {
		free(z);
		return NULL;
	}
	ZSTD_DCtx_setParameter(z->d, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	return z;
}

int zstd_open(const struct codec_sink *sink, struct codec **out, struct err *err)
{
	struct zstd *z = zstd_new();

	if (!z)
		return err_nomem(err);
	z->base.sink = *sink;
	*out = &z->base;
	return 0;
}

int zstd_open_at(const struct seek_point *from, const struct codec_target *target,
		 struct codec **out, struct err *err)
{
	struct zstd *z = zstd_new();

	if (!z)
		return err_nomem(err);
	z->base.target = *target;
	z->base.in = from->in;
	z->base.out = from->out;
	*out = &z->base;
	return 0;
}
