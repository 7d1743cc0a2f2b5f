/* SPDX-License-Identifier: MIT */
#include "store/archive/archive_stream.h"

#include "store/tar/tar.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define SLICE_SIZE (64u << 10)

struct archive_stream {
	struct archive_sink sink;
	uint8_t head[COMPRESSION_HEAD]; /* the first bytes, until the codec is known */
	size_t head_len;
	enum compression compression;
	struct codec *codec; /* owned; NULL until it is known */
	struct tar *tar;     /* owned */
	uint64_t offset;     /* of the piece under way, in the plain archive */
	const uint8_t *piece;
	size_t piece_len;
	bool in_member; /* one has begun: [data, data_end) are its bytes still to come */
	uint64_t data, data_end;
};

/* What the piece holds of the member's bytes; its end, where nothing of it follows. */
static int give_data(struct archive_stream *a, struct err *err)
{
	uint64_t end = a->offset + a->piece_len;
	int r = 0;

	if (a->in_member && a->data < a->data_end && a->data < end) {
		uint64_t to = a->data_end < end ? a->data_end : end;

		if (a->sink.data)
			r = a->sink.data(a->sink.arg, a->piece + (a->data - a->offset),
					 (size_t)(to - a->data), err);
		a->data = to;
	}
	if (!r && a->in_member && a->data == a->data_end) {
		a->in_member = false;
		if (a->sink.end)
			r = a->sink.end(a->sink.arg, err);
	}
	return r;
}

/* The bytes of the member before have gone by when the next one is told. */
static int archive_stream_on_entry(void *arg, const struct entry *e, struct err *err)
{
	struct archive_stream *a = arg;
	int r = give_data(a, err);

	if (!r)
		r = a->sink.member(a->sink.arg, e, err);
	if (!r) {
		a->in_member = true;
		a->data = e->data;
		a->data_end = e->data + e->stored;
	}
	return r;
}

/* Plain bytes of the archive. */
static int on_plain(void *arg, const void *data, size_t len, struct err *err)
{
	struct archive_stream *a = arg;
	bool ended;
	int r;

	a->offset = tar_offset(a->tar, &ended);
	if (ended)
		return 0;
	a->piece = data;
	a->piece_len = len;
	r = tar_feed(a->tar, data, len, err);
	if (!r)
		r = give_data(a, err);
	a->piece_len = 0;
	return r;
}

int archive_stream_open(const struct archive_sink *sink, struct archive_stream **out,
			struct err *err)
{
	AUTO(archive_stream_close) struct archive_stream *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_nomem(err);
	a->sink = *sink;
	r = tar_open(archive_stream_on_entry, a, &a->tar, err);
	if (!r)
		*out = steal(&a);
	return r;
}

static int archive_stream_start_codec(struct archive_stream *a, struct err *err)
{
	struct codec_sink sink = {.arg = a, .data = on_plain};
	int r = compression_detect(a->head, a->head_len, &a->compression, err);

	if (!r)
		r = codec_open(a->compression, &sink, &a->codec, err);
	return r ? r : codec_feed(a->codec, a->head, a->head_len, err);
}

/* The bytes that tell the compression; how many of these were taken for it, or -errno. */
static ssize_t feed_head(struct archive_stream *a, const uint8_t *data, size_t len, struct err *err)
{
	size_t n = COMPRESSION_HEAD - a->head_len;
	int r;

	assert(a->head_len <= COMPRESSION_HEAD);
	if (a->codec)
		return 0;
	n = n < len ? n : len;
	memcpy(a->head + a->head_len, data, n);
	a->head_len += n;
	r = a->head_len == COMPRESSION_HEAD ? archive_stream_start_codec(a, err) : 0;
	return r ? r : (ssize_t)n;
}

static bool has_ended(const struct archive_stream *a)
{
	bool ended;

	tar_offset(a->tar, &ended);
	return ended && codec_may_end(a->codec);
}

/* One slice; FEED_DONE where the archive ended in it, behind *used bytes. */
static int feed_slice(struct archive_stream *a, const uint8_t *data, size_t len, size_t *used,
		      struct err *err)
{
	bool ended;
	uint64_t before = tar_offset(a->tar, &ended);
	int r = codec_feed(a->codec, data, len, err);

	if (r || !has_ended(a))
		return r;
	*used = len;
	if (a->compression == COMPRESSION_NONE)
		*used = (size_t)(tar_offset(a->tar, &ended) - before);
	return FEED_DONE;
}

int archive_stream_feed(struct archive_stream *a, const void *data, size_t len,
			struct cancel *cancel, size_t *used, struct err *err)
{
	ssize_t head = feed_head(a, data, len, err);
	size_t at = head > 0 ? (size_t)head : 0, n, taken = 0;
	int r = head < 0 ? (int)head : 0;

	for (; r == FEED_MORE && at < len; at += n) {
		n = len - at < SLICE_SIZE ? len - at : SLICE_SIZE;
		r = cancel_check(cancel, err);
		if (r == 0)
			r = feed_slice(a, (const uint8_t *)data + at, n, &taken, err);
		assert(r <= FEED_DONE && taken <= n);
		if (r == FEED_DONE)
			*used = at + taken;
	}
	return r;
}

int archive_stream_finish(struct archive_stream *a, struct err *err)
{
	int r = a->codec ? 0 : archive_stream_start_codec(a, err);

	if (!r)
		r = codec_finish(a->codec, err);
	if (!r)
		r = tar_finish(a->tar, err);
	return r == -EBADMSG ? err_context(err, "unexpected EOF") : r;
}

uint64_t archive_stream_offset(const struct archive_stream *a)
{
	bool ended;

	return tar_offset(a->tar, &ended);
}

bool archive_stream_compression(const struct archive_stream *a, enum compression *out)
{
	*out = a->compression;
	return a->codec != NULL;
}

void archive_stream_close(struct archive_stream *a)
{
	if (!a)
		return;
	codec_close(a->codec);
	tar_close(a->tar);
	free(a);
}
