/* SPDX-License-Identifier: MIT */
#include "store/codec/codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>
#include "tests/unit/codec_check.h"

static void compression_is_told_from_the_first_bytes(void **state)
{
	struct err err;
	enum compression c;

	(void)state;
	assert_int_equal(compression_detect("\x1f\x8b\x08\0\0\0", 6, &c, &err), 0);
	assert_int_equal(c, COMPRESSION_GZIP);
	assert_int_equal(compression_detect("\x28\xb5\x2f\xfd\0\0", 6, &c, &err), 0);
	assert_int_equal(c, COMPRESSION_ZSTD);
	assert_int_equal(compression_detect("\x5e\x2a\x4d\x18\0\0", 6, &c, &err), 0);
	assert_int_equal(c, COMPRESSION_ZSTD);
	assert_int_equal(compression_detect("etc/pa", 6, &c, &err), 0);
	assert_int_equal(c, COMPRESSION_NONE);
	assert_int_equal(compression_detect("", 0, &c, &err), 0);
	assert_int_equal(c, COMPRESSION_NONE);
	assert_int_equal(compression_detect("BZh91A", 6, &c, &err), -EOPNOTSUPP);
	assert_int_equal(compression_detect("\xfd\x37zXZ\0", 6, &c, &err), -EOPNOTSUPP);
}

static int refuse(void *arg, const void *data, size_t len, struct err *err)
{
	(void)arg, (void)data, (void)len;
	return err_set(err, ENOSPC, "refused");
}

static void the_error_of_the_sink_comes_back(void **state)
{
	struct bytes plain = sample_make(1 << 20, 8);
	struct bytes in[] = {sample_filter("gzip -c", plain), sample_filter("zstd -c", plain)};
	struct codec_sink sink = {.data = refuse};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct codec *c;
		struct err err;

		assert_int_equal(
		    codec_open(i ? COMPRESSION_ZSTD : COMPRESSION_GZIP, &sink, &c, &err), 0);
		assert_int_equal(codec_feed(c, in[i].p, in[i].n, &err), -ENOSPC);
		assert_string_equal(err.text, "refused");
		codec_close(c);
		free(in[i].p);
	}
	free(plain.p);
}

static void what_zstd_writes_decodes(void **state)
{
	static const char *commands[] = {"zstd -1 -c", "zstd -T2 -15 --long=24 -c",
					 "zstd --no-check -3 -c", "zstd --ultra -5 --long=27 -c"};
	struct bytes plain = sample_make(1 << 20, 9);

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		struct bytes in = sample_filter(commands[i], plain);

		for (size_t k = 0; k < 2 && in.n > 0; k++) {
			struct result r;

			assert_decodes(NULL, in, k ? 0 : in.n, plain, &r);
			assert_int_equal(r.count, 1);
			assert_spans(COMPRESSION_ZSTD, in, plain, &r);
			result_free(&r);
		}
		free(in.p);
	}
	free(plain.p);
}

static void frames_are_seek_points(void **state)
{
	struct bytes plain = sample_make(8 << 20, 10), in = {NULL, 0};
	struct bytes skip = {(uint8_t *)"\x53\x2a\x4d\x18\x05\0\0\0hello", 13};
	struct result r;

	(void)state;
	sample_append(&in, (struct bytes){memcpy(malloc(13), skip.p, 13), 13});
	for (size_t at = 0; at < plain.n; at += 512 << 10) {
		struct bytes piece = {plain.p + at, 512 << 10};

		sample_append(&in, sample_filter("zstd -c", piece));
		sample_append(&in, (struct bytes){memcpy(malloc(13), skip.p, 13), 13});
	}
	assert_decodes(NULL, in, 0, plain, &r);
	assert_true(r.count == 16 ||
		    r.count == 17); /* each is longer than a span of small frames */
	assert_spans(COMPRESSION_ZSTD, in, plain, &r);
	result_free(&r);

	sample_append(&in, (struct bytes){calloc(1, 8), 8});
	assert_refused(NULL, in, EBADMSG, "no frame follows");
	free(in.p);
	free(plain.p);
}

static void damaged_zstd_gives_an_error_or_the_right_data(void **state)
{
	struct bytes plain = sample_make(3000, 11), in = sample_filter("zstd --check -c", plain);

	(void)state;
	for (size_t n = 0; n < in.n; n++)
		assert_refused(NULL, (struct bytes){in.p, n}, EBADMSG, "truncated");
	for (size_t bit = 0; bit < in.n * 8; bit++) {
		struct result r;
		int rc;

		in.p[bit / 8] ^= 1 << bit % 8;
		rc = decode(NULL, in, bit % 2 ? 0 : in.n, &plain, &r);
		assert_true(rc < 0 || (!r.wrong && r.n == plain.n));
		in.p[bit / 8] ^= 1 << bit % 8;
		result_free(&r);
	}
	free(in.p);
	free(plain.p);
}

static int on_window(void *arg, size_t bytes, struct err *err)
{
	size_t *asked = arg;

	(void)err;
	*asked = bytes;
	return 0;
}

static int ignore(void *arg, const void *data, size_t len, struct err *err)
{
	(void)arg, (void)data, (void)len, (void)err;
	return 0;
}

/* Of one frame, fed in pieces of that size. */
static size_t window_asked_for(struct bytes in, size_t piece)
{
	size_t asked = 0;
	struct codec_sink sink = {.arg = &asked, .data = ignore, .window = on_window};
	struct codec *c;
	struct err err;

	assert_int_equal(codec_open(COMPRESSION_ZSTD, &sink, &c, &err), 0);
	for (size_t at = 0; at < in.n; at += piece)
		assert_int_equal(
		    codec_feed(c, in.p + at, in.n - at < piece ? in.n - at : piece, &err), 0);
	assert_int_equal(codec_finish(c, &err), 0);
	codec_close(c);
	return asked;
}

static void large_windows_of_zstd_are_asked_for(void **state)
{
	static const struct {
		const char *command;
		size_t window;
	} cases[] = {
	    {"zstd -c", 2 << 20},
	    {"zstd -3 --long=27 -c", 128 << 20},
	    {"cat >/tmp/imagefs-sample; zstd -3 --long=27 -c /tmp/imagefs-sample; rm "
	     "/tmp/imagefs-sample",
	     3 << 20}, /* its size is known: one segment */
	    {"zstd -1 --zstd=wlog=19 -c", 0},
	};
	struct bytes plain = sample_make(3 << 20, 12);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bytes in = sample_filter(cases[i].command, plain);

		assert_int_equal(window_asked_for(in, in.n), cases[i].window);
		assert_int_equal(window_asked_for(in, 1), cases[i].window);
		free(in.p);
	}
	free(plain.p);
}

static void a_zstd_window_of_2_gib_is_refused(void **state)
{
	/* Frame header: no content size, no checksum; window descriptor 2^31. */
	struct bytes in = {(uint8_t *)"\x28\xb5\x2f\xfd\x00\xa8\x01\0\0", 9};

	(void)state;
	assert_refused(NULL, in, EOPNOTSUPP, "window");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(compression_is_told_from_the_first_bytes),
	    cmocka_unit_test(the_error_of_the_sink_comes_back),
	    cmocka_unit_test(what_zstd_writes_decodes),
	    cmocka_unit_test(frames_are_seek_points),
	    cmocka_unit_test(damaged_zstd_gives_an_error_or_the_right_data),
	    cmocka_unit_test(large_windows_of_zstd_are_asked_for),
	    cmocka_unit_test(a_zstd_window_of_2_gib_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
