/* SPDX-License-Identifier: MIT */
/*
 * Streams of members and frames of every size: what comes out of the parts is what one decoder
 * gives, and so are refusals.
 */
#include "store/codec/parts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>
#include "tests/unit/codec_check.h"
#include <zstd.h>

#define THREADS 2

/* Of codec_check.h, and the compressed bytes that came. */
struct seen {
	struct result r;
	struct bytes in;
	uint64_t in_given;
};

static int seen_data(void *arg, const void *data, size_t len, struct err *err)
{
	return on_data(&((struct seen *)arg)->r, data, len, err);
}

static int seen_point(void *arg, const struct seek_point *p, const void *window, struct err *err)
{
	struct seen *s = arg;

	assert_true(s->in_given <= p->in + 1);
	assert_true(p->in - s->in_given <= 64 << 10 || s->in_given > p->in);
	return on_point(&s->r, p, window, err);
}

static int seen_input(void *arg, const void *data, size_t len, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	assert_true(len <= s->in.n - s->in_given);
	assert_memory_equal(data, s->in.p + s->in_given, len);
	s->in_given += len;
	return 0;
}

static int decode_parts(enum compression c, unsigned threads, struct bytes in, size_t piece,
			const struct bytes *plain, struct seen *s)
{
	struct codec_sink sink = {
	    .arg = s, .data = seen_data, .point = seen_point, .input = seen_input};
	struct codec *codec;

	memset(s, 0, sizeof(*s));
	s->r.plain = plain;
	s->in = in;
	assert_int_equal(parts_open(c, threads, &sink, &codec, &s->r.err), 0);
	return run_codec(codec, in, piece, &s->r.err);
}

/* ---- streams ---- */

static struct bytes one_member(struct bytes plain, int level)
{
	return gzip_member(plain, level, Z_DEFAULT_STRATEGY, 0, -1);
}

static struct bytes zstd_frame(const uint8_t *p, size_t n, int level)
{
	struct bytes b = {malloc(ZSTD_compressBound(n)), 0};

	b.n = ZSTD_compress(b.p, ZSTD_compressBound(n), p, n, level);
	return b;
}

/* `plain` as one member after the other, of `least` bytes and up to 15 times as many. */
static struct bytes stream(enum compression c, struct bytes plain, size_t least, int level)
{
	struct bytes b = {malloc(1), 0};
	uint64_t seed = least;

	for (size_t at = 0, n; at < plain.n; at += n) {
		n = least + least * (sample_random(&seed) % 15);
		n = n < plain.n - at ? n : plain.n - at;
		sample_append(&b, c == COMPRESSION_GZIP
				      ? one_member((struct bytes){plain.p + at, n}, level)
				      : zstd_frame(plain.p + at, n, level));
	}
	return b;
}

/* Parts give what one decoder gives; true where it is taken. */
static bool assert_same(enum compression c, struct bytes in, size_t piece,
			const struct bytes *plain)
{
	struct result one;
	struct seen s;
	int rc = decode(c == COMPRESSION_GZIP ? inflate_default() : NULL, in, 65536, plain, &one);
	int r = decode_parts(c, THREADS, in, piece, plain, &s);

	if (r != rc)
		fail_msg("%d instead of %d: %s", r, rc, s.r.err.text);
	assert_false(s.r.wrong);
	if (rc == 0) {
		assert_int_equal(s.r.n, one.n);
		assert_int_equal(s.in_given, in.n);
		if (plain)
			assert_spans(c, in, *plain, &s.r);
	}
	result_free(&one);
	result_free(&s.r);
	return rc == 0;
}

static const enum compression both[] = {COMPRESSION_GZIP, COMPRESSION_ZSTD};

/* ---- tests ---- */

static void members_of_every_size_give_the_same_as_one_decoder(void **state)
{
	static const size_t least[] = {2000, 50000, 150000, 1 << 20, 40 << 20};
	struct bytes plain = sample_make(36 << 20, 7);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < sizeof(least) / sizeof(*least); k++) {
			struct bytes in = stream(both[i], plain, least[k], 1);

			assert_true(assert_same(both[i], in, 32768, &plain));
			assert_true(assert_same(both[i], in, 0, &plain));
			free(in.p);
		}
	}
	free(plain.p);
}

/* What follows a point is known soon behind it, however much is fed at once (seen_point looks). */
static void compressed_bytes_come_with_the_plain_ones(void **state)
{
	struct bytes plain = sample_make(12 << 20, 8);

	(void)state;
	for (unsigned threads = 0; threads <= THREADS; threads += THREADS) {
		for (size_t least = 1 << 20; least <= 16 << 20; least <<= 4) {
			struct bytes in = stream(COMPRESSION_GZIP, plain, least, 1);
			struct seen s;

			assert_int_equal(
			    decode_parts(COMPRESSION_GZIP, threads, in, in.n, &plain, &s), 0);
			assert_int_equal(s.in_given, in.n);
			assert_true(s.r.count > 5);
			result_free(&s.r);
			free(in.p);
		}
	}
	free(plain.p);
}

/* Stored blocks that are full of what looks like the start of a member. */
static void what_only_looks_like_a_start_is_data(void **state)
{
	static const uint8_t gzip[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3},
			     zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0};
	struct bytes plain = sample_make(24 << 20, 3);
	uint64_t seed = 1;

	(void)state;
	for (size_t at = 0; at + 10 < plain.n; at += 1 + sample_random(&seed) % 100000)
		memcpy(plain.p + at, at % 2 ? gzip : zstd, at % 2 ? sizeof(gzip) : sizeof(zstd));
	for (size_t i = 0; i < 2; i++) {
		struct bytes in = stream(both[i], plain, 100000, i == 0 ? 0 : -100000);

		assert_true(assert_same(both[i], in, 0, &plain));
		free(in.p);
	}
	free(plain.p);
}

/* More plain bytes than are kept of a part, windows that need asking for. */
static void parts_that_become_large_are_decoded_as_they_come(void **state)
{
	struct bytes zeros = {calloc(1, 64 << 20), 64 << 20};
	uint64_t seed = 11;

	(void)state;
	for (size_t at = 0; at < zeros.n; at += 1 + sample_random(&seed) % 300)
		zeros.p[at] = (uint8_t)sample_random(&seed);
	for (size_t i = 0; i < 2; i++) {
		struct bytes in = stream(both[i], zeros, 30000, 1);

		assert_true(in.n >= 1 << 20 && in.n <= zeros.n / 20);
		assert_true(assert_same(both[i], in, 0, &zeros));
		free(in.p);
	}
	free(zeros.p);
}

static void a_damaged_stream_is_refused_as_by_one_decoder(void **state)
{
	struct bytes plain = sample_make(5 << 20, 9);
	uint64_t seed = 5;
	unsigned refused = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bytes in = stream(both[i], plain, 20000, 1);
		struct bytes padded = {malloc(2 * in.n + 4096), in.n + 2048};

		for (int n = 0; n < 12; n++) {
			size_t at = sample_random(&seed) % in.n;

			in.p[at] ^= 1 << n % 8;
			refused += !assert_same(both[i], in, 0, NULL);
			in.p[at] ^= 1 << n % 8;
			refused += !assert_same(both[i], (struct bytes){in.p, at}, 0, NULL);
		}
		memset(padded.p, 0, 2 * in.n + 4096);
		memcpy(padded.p, in.p, in.n);
		assert_same(both[i], padded, 0, NULL);
		memcpy(padded.p + padded.n, in.p, in.n); /* a member behind padding */
		padded.n += in.n;
		assert_false(assert_same(both[i], padded, 0, NULL));
		assert_false(assert_same(both[i], (struct bytes){in.p, 0}, 0, NULL));
		free(padded.p);
		free(in.p);
	}
	assert_true(refused > 30);
	free(plain.p);
}

/* A member that ends where what was fed is decoded as it comes: all but the last bytes of a full
 * buffer. A name makes it as long as it has to be. */
static void padding_may_begin_anywhere(void **state)
{
	const size_t ends[] = {(1 << 20) - 4, (1 << 20) - 3, 1 << 20, 300000};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct bytes plain = sample_make(ends[i] - 5000, 4);
		struct bytes member = one_member(plain, 0);
		struct bytes in = {calloc(1, ends[i] + 4096), ends[i] + 4096};
		size_t name = ends[i] - member.n;

		memcpy(in.p, member.p, 10);
		in.p[3] |= 8;
		memset(in.p + 10, 'n', name - 1);
		memcpy(in.p + 10 + name, member.p + 10, member.n - 10);
		assert_true(assert_same(COMPRESSION_GZIP, in, 0, &plain));
		in.p[in.n - 1] = 1;
		assert_false(assert_same(COMPRESSION_GZIP, in, 0, &plain));
		free(in.p);
		free(member.p);
		free(plain.p);
	}
}

/* Only one of them has threads. */
static void two_streams_at_a_time_decode(void **state)
{
	struct bytes plain = sample_make(8 << 20, 6);
	struct bytes in = stream(COMPRESSION_GZIP, plain, 20000, 1);
	struct result r[2] = {{.plain = &plain}, {.plain = &plain}};
	struct codec *c[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct codec_sink sink = {.arg = &r[i], .data = on_data, .point = on_point};

		assert_int_equal(parts_open(COMPRESSION_GZIP, THREADS, &sink, &c[i], NULL), 0);
	}
	for (size_t at = 0, n; at < in.n; at += n) {
		n = in.n - at < 50000 ? in.n - at : 50000;
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(codec_feed(c[i], in.p + at, n, NULL), 0);
	}
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(codec_finish(c[i], NULL), 0);
		assert_int_equal(r[i].n, plain.n);
		assert_false(r[i].wrong);
		assert_spans(COMPRESSION_GZIP, in, plain, &r[i]);
		codec_close(c[i]);
		result_free(&r[i]);
	}
	free(in.p);
	free(plain.p);
}

struct stop {
	uint64_t left;
};

static int stop_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct stop *s = arg;

	(void)data;
	if (len > s->left)
		return err_set(err, ENOSPC, "no room");
	s->left -= len;
	return 0;
}

/* And threads that are at work end. */
static void the_error_of_the_sink_comes_back(void **state)
{
	struct bytes plain = sample_make(12 << 20, 2);
	struct bytes in = stream(COMPRESSION_GZIP, plain, 20000, 1);

	(void)state;
	for (uint64_t left = 0; left < plain.n; left += 1 << 20) {
		struct stop s = {left};
		struct codec_sink sink = {.arg = &s, .data = stop_data};
		struct codec *c;
		struct err err;

		assert_int_equal(parts_open(COMPRESSION_GZIP, THREADS, &sink, &c, &err), 0);
		assert_int_equal(run_codec(c, in, 0, &err), -ENOSPC);
		assert_string_equal(err.text, "no room");
	}
	free(in.p);
	free(plain.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_of_every_size_give_the_same_as_one_decoder),
	    cmocka_unit_test(compressed_bytes_come_with_the_plain_ones),
	    cmocka_unit_test(what_only_looks_like_a_start_is_data),
	    cmocka_unit_test(parts_that_become_large_are_decoded_as_they_come),
	    cmocka_unit_test(a_damaged_stream_is_refused_as_by_one_decoder),
	    cmocka_unit_test(padding_may_begin_anywhere),
	    cmocka_unit_test(two_streams_at_a_time_decode),
	    cmocka_unit_test(the_error_of_the_sink_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
