/* SPDX-License-Identifier: MIT */
/*
 * Runs codecs over whole inputs and looks at what they give. Include after cmocka.h.
 */
#ifndef TESTS_CODEC_CHECK_H
#define TESTS_CODEC_CHECK_H

#include "store/codec/codec_ops.h"
#include "store/codec/seek.h"
#include "tests/unit/sample.h"

#include <stdbool.h>
#include <zlib.h>

#define POINTS_MAX 256

/* One member of gzip. flush >= 0: deflate() is called with it for every `step` bytes, from where
 * a seek point is looked for on. */
static inline struct bytes gzip_member(struct bytes plain, int level, int strategy, size_t step,
				       int flush)
{
	z_stream z = {0};
	struct bytes b;

	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 31, 8, strategy), Z_OK);
	b.n = plain.n * 2 + (flush < 0 ? 0 : plain.n / (step + 1) * 40) + 1000;
	b.p = malloc(b.n);
	z.next_out = b.p;
	z.avail_out = (uInt)b.n;
	for (size_t at = 0, n; flush >= 0 && at < plain.n; at += n) {
		n = at + (256 << 10) < CODEC_SPACING ? 65536 : step;
		n = n < plain.n - at ? n : plain.n - at;
		z.next_in = plain.p + at;
		z.avail_in = (uInt)n;
		assert_int_equal(deflate(&z, flush), Z_OK);
	}
	if (flush < 0) {
		z.next_in = plain.p;
		z.avail_in = (uInt)plain.n;
	}
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.n = z.total_out;
	deflateEnd(&z);
	return b;
}

/* What came out of a codec. */
struct result {
	const struct bytes *plain; /* the data must be these; NULL: not looked at */
	uint64_t n;
	bool wrong;
	struct seek_point points[POINTS_MAX];
	uint8_t *windows[POINTS_MAX];
	size_t count;
	struct err err;
};

static inline int on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct result *r = arg;

	(void)err;
	if (r->plain && (len > r->plain->n - r->n || memcmp(r->plain->p + r->n, data, len)))
		r->wrong = true;
	if (r->plain && r->wrong)
		r->n = 0;
	r->n += len;
	return 0;
}

static inline int on_point(void *arg, const struct seek_point *p, const void *window,
			   struct err *err)
{
	struct result *r = arg;

	(void)err;
	assert_true(r->count < POINTS_MAX);
	assert_int_equal(p->out, r->wrong ? p->out : r->n);
	if (r->plain && !r->wrong)
		assert_memory_equal(window, r->plain->p + p->out - p->window, p->window);
	r->windows[r->count] = malloc(p->window + 1);
	if (p->window)
		memcpy(r->windows[r->count], window, p->window);
	r->points[r->count++] = *p;
	return 0;
}

static inline void result_free(struct result *r)
{
	while (r->count > 0)
		free(r->windows[--r->count]);
}

/* How much is fed next: `piece` bytes; 0: a random number; 1: byte by byte at both ends of the
 * input, where the framing is. */
static inline size_t next_piece(size_t piece, size_t at, size_t len, uint64_t *seed)
{
	const size_t ends = 3000;
	size_t left = len - at;

	if (piece == 0)
		piece = 1 + sample_random(seed) % (3000 + len / 100);
	else if (piece == 1 && at >= ends && left > ends)
		piece = left - ends < 65536 ? left - ends : 65536;
	return piece < left ? piece : left;
}

/* Feeds, finishes and closes. */
static inline int run_codec(struct codec *c, struct bytes in, size_t piece, struct err *err)
{
	uint64_t seed = in.n;
	int rc = 0;

	for (size_t at = 0, n; at < in.n && rc == 0; at += n) {
		uint8_t *copy; /* exactly as large, for the address sanitizer */

		n = next_piece(piece, at, in.n, &seed);
		copy = malloc(n);
		memcpy(copy, in.p + at, n);
		rc = codec_feed(c, copy, n, err);
		free(copy);
	}
	if (rc == 0)
		rc = codec_finish(c, err);
	codec_close(c);
	return rc;
}

/* inflate NULL: zstd. */
static inline int decode(const struct inflate_ops *inflate, struct bytes in, size_t piece,
			 const struct bytes *plain, struct result *r)
{
	struct codec_sink sink = {.arg = r, .data = on_data, .point = on_point};
	struct codec *c;
	int rc;

	memset(r, 0, sizeof(*r));
	r->plain = plain;
	if (inflate)
		rc = gzip_open(inflate, &sink, &c, &r->err);
	else
		rc = zstd_open(&sink, &c, &r->err);
	assert_int_equal(rc, 0);
	return run_codec(c, in, piece, &r->err);
}

static inline void assert_decodes(const struct inflate_ops *inflate, struct bytes in, size_t piece,
				  struct bytes plain, struct result *r)
{
	int rc = decode(inflate, in, piece, &plain, r);

	if (rc)
		fail_msg("%s", r->err.text);
	assert_false(r->wrong);
	assert_int_equal(r->n, plain.n);
}

static inline void assert_refused(const struct inflate_ops *inflate, struct bytes in, int code,
				  const char *sentence)
{
	struct result r;

	assert_int_equal(decode(inflate, in, 0, NULL, &r), -code);
	if (!strstr(r.err.text, sentence))
		fail_msg("no \"%s\" in: %s", sentence, r.err.text);
	result_free(&r);
}

static inline int read_bytes(void *arg, void *data, size_t len, uint64_t offset, struct err *err)
{
	const struct bytes *b = arg;

	(void)err;
	assert_true(offset <= b->n && len <= b->n - offset);
	memcpy(data, b->p + offset, len);
	return 0;
}

/* Each span between two points decodes by itself. */
static inline void assert_spans(enum compression c, struct bytes in, struct bytes plain,
				const struct result *r)
{
	for (size_t i = 0; i < r->count; i++) {
		bool last = i + 1 == r->count;
		uint64_t end = last ? plain.n : r->points[i + 1].out;
		struct span span = {c, r->points[i], in.n, end - r->points[i].out};
		uint8_t *out = malloc(span.len + 1);
		struct seek *seek;
		struct err err;

		if (!last)
			span.in_end = r->points[i + 1].in + (r->points[i + 1].bit > 0);
		assert_int_equal(seek_open(&span, r->windows[i], out, &seek, &err), 0);
		for (int third = 1; third <= 3; third++) {
			size_t wanted = third < 3 ? span.len * third / 3 : span.len;

			if (seek_run(seek, wanted, read_bytes, &in, &err))
				fail_msg("point %zu: %s", i, err.text);
			assert_true(seek_filled(seek) >= wanted);
			assert_memory_equal(out, plain.p + span.from.out, seek_filled(seek));
		}
		seek_close(seek);
		free(out);
	}
}

#endif
