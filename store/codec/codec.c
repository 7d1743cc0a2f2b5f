/* SPDX-License-Identifier: MIT */
#include "store/codec/codec.h"

#include "store/codec/codec_ops.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* A sink that takes compressed bytes, too, gets them not far behind the plain bytes that they gave. */
#define INPUT_SLICE (32u << 10)

static bool starts_with(const uint8_t *data, size_t len, const char *magic, size_t magic_len)
{
	return len >= magic_len && memcmp(data, magic, magic_len) == 0;
}

int compression_detect(const void *data, size_t len, enum compression *out, struct err *err)
{
	const uint8_t *p = data;

	if (starts_with(p, len, "BZh", 3))
		return err_set(err, EOPNOTSUPP, "compression bzip2 is not supported");
	if (starts_with(p, len, "\xfd\x37zXZ", 6)) /* the sixth byte is the NUL */
		return err_set(err, EOPNOTSUPP, "compression xz is not supported");

	*out = COMPRESSION_NONE;
	if (starts_with(p, len, "\x1f\x8b\x08", 3))
		*out = COMPRESSION_GZIP;
	else if (starts_with(p, len, "\x28\xb5\x2f\xfd", 4))
		*out = COMPRESSION_ZSTD;
	else if (len >= 4 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0)
		*out = COMPRESSION_ZSTD; /* begins with a skippable frame */
	return 0;
}

bool compression_is_small(enum compression c)
{
	switch (c) {
	case COMPRESSION_NONE:
	case COMPRESSION_GZIP:
		return true;
	case COMPRESSION_ZSTD:
		break;
	}
	return false;
}

static void codec_fill(struct codec_target *t, const void *data, size_t len)
{
	uint8_t *to = t->data + t->filled;
	size_t room = t->len - t->filled, n = len < room ? len : room;

	assert(t->filled <= t->len);
	if (data != to)
		memcpy(to, data, n);
	t->filled += n;
}

int codec_give(struct codec *c, const void *data, size_t len, struct err *err)
{
	if (len > CODEC_OUT_MAX - c->out)
		return err_set(err, EBADMSG, "decompression bomb: more than %llu bytes",
			       CODEC_OUT_MAX);
	c->out += len;
	if (!c->target.data)
		return c->sink.data(c->sink.arg, data, len, err);
	codec_fill(&c->target, data, len);
	return 0;
}

static int plain_feed(struct codec *c, const uint8_t *data, size_t len, struct err *err)
{
	return codec_give(c, data, len, err);
}

static int plain_finish(struct codec *c, struct err *err)
{
	(void)c;
	(void)err;
	return 0;
}

static bool plain_may_end(const struct codec *c)
{
	(void)c;
	return true;
}

static void plain_close(struct codec *c)
{
	free(c);
}

static int plain_open(const struct codec_sink *sink, const struct codec_target *target,
		      struct codec **out, struct err *err)
{
	static const struct codec_ops ops = {plain_feed, plain_finish, plain_may_end, plain_close};
	struct codec *c = calloc(1, sizeof(*c));

	if (!c)
		return err_nomem(err);
	c->ops = &ops;
	if (sink)
		c->sink = *sink;
	if (target)
		c->target = *target;
	*out = c;
	return 0;
}

int codec_open(enum compression c, const struct codec_sink *sink, struct codec **out,
	       struct err *err)
{
	switch (c) {
	case COMPRESSION_NONE:
		break;
	case COMPRESSION_GZIP:
		return gzip_open(inflate_default(), sink, out, err);
	case COMPRESSION_ZSTD:
		return zstd_open(sink, out, err);
	}
	return plain_open(sink, NULL, out, err);
}

int codec_open_at(enum compression c, const struct seek_point *from, const void *window, void *data,
		  size_t len, struct codec **out, struct err *err)
{
	struct codec_target target = {.data = data, .len = len};

	switch (c) {
	case COMPRESSION_NONE:
		break;
	case COMPRESSION_GZIP:
		return gzip_open_at(inflate_default(), from, window, &target, out, err);
	case COMPRESSION_ZSTD:
		return zstd_open_at(from, &target, out, err);
	}
	return plain_open(NULL, &target, out, err);
}

size_t codec_filled(const struct codec *c)
{
	return c->target.filled;
}

static int codec_feed_some(struct codec *c, const uint8_t *data, size_t len, struct err *err)
{
	uint64_t before = c->out;
	int r = c->ops->feed(c, data, len, err);

	if (!r && c->sink.input)
		r = c->sink.input(c->sink.arg, data, len, err);
	if (r)
		return r;
	c->empty = c->out == before ? c->empty + len : 0;
	if (c->empty > CODEC_EMPTY_MAX)
		return err_set(err, EBADMSG,
			       "decompression bomb: %llu compressed bytes in a row hold no data",
			       (unsigned long long)c->empty);
	return 0;
}

int codec_feed(struct codec *c, const void *data, size_t len, struct err *err)
{
	size_t slice = c->sink.input ? INPUT_SLICE : len;
	const uint8_t *at = data;
	int r = 0;

	for (size_t n; !r && len > 0; at += n, len -= n) {
		n = len < slice ? len : slice;
		r = codec_feed_some(c, at, n, err);
	}
	return r;
}

int codec_finish(struct codec *c, struct err *err)
{
	return c->ops->finish(c, err);
}

bool codec_may_end(const struct codec *c)
{
	return c->ops->may_end(c);
}

void codec_close(struct codec *c)
{
	if (c)
		c->ops->close(c);
}
