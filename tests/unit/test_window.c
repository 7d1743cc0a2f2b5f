/* SPDX-License-Identifier: MIT */
#include "store/codec/window.h"

#include "store/codec/codec_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>
#include "tests/unit/codec_check.h"

/* Points with their windows, as a writer of an index would keep them: reduced. */
struct collector {
	struct window *window;
	struct result points; /* windows whole, until they are replaced */
	size_t pending, reduced, kept;
};

static int on_plain(void *arg, const void *data, size_t len, struct err *err)
{
	struct collector *c = arg;

	return on_data(&c->points, data, len, err);
}

static void replace(struct collector *c)
{
	uint8_t *whole = c->points.windows[c->pending];
	size_t len = c->points.points[c->pending].window;
	const uint8_t *part = window_take(c->window);

	for (size_t i = 0; i < len; i++) {
		assert_true(part[i] == whole[i] || part[i] == 0);
		c->kept += part[i] != 0;
		whole[i] = part[i];
	}
	c->reduced++;
	c->pending = POINTS_MAX;
}

static int on_seek_point(void *arg, const struct seek_point *p, const void *window, struct err *err)
{
	struct collector *c = arg;

	if (c->pending != POINTS_MAX)
		replace(c);
	on_point(&c->points, p, window, err);
	if (p->window) {
		window_begin(c->window, p, window);
		c->pending = c->points.count - 1;
	}
	return 0;
}

static void collect(struct collector *c, struct bytes in, struct bytes *plain, size_t piece)
{
	struct codec_sink sink = {.arg = c, .data = on_plain, .point = on_seek_point};
	struct codec *codec;
	struct err err;
	uint64_t seed = 1;

	*c = (struct collector){.pending = POINTS_MAX, .points.plain = plain};
	assert_int_equal(window_open(&c->window, &err), 0);
	assert_int_equal(gzip_open(inflate_default(), &sink, &codec, &err), 0);
	for (size_t at = 0, n; at < in.n; at += n) {
		n = next_piece(piece, at, in.n, &seed);
		assert_int_equal(codec_feed(codec, in.p + at, n, &err), 0);
		window_feed(c->window, in.p + at, n);
		if (window_is_ready(c->window))
			replace(c);
	}
	assert_int_equal(codec_finish(codec, &err), 0);
	if (c->pending != POINTS_MAX)
		replace(c);
	codec_close(codec);
	window_close(c->window);
}

static void spans_decode_with_what_is_left_of_their_windows(void **state)
{
	static const char *const commands[] = {"gzip -6 -c", "gzip -1 -c", "gzip -9 -c",
					       "igzip -0 -c"};
	struct bytes plain = sample_make(8 << 20, 21);

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		struct bytes in = sample_filter(commands[i], plain);

		for (size_t piece = 0; piece < 3 && in.n > 0; piece++) {
			struct collector c;

			collect(&c, in, &plain, piece == 2 ? 32768 : piece);
			assert_true(c.reduced > 0);
			assert_spans(COMPRESSION_GZIP, in, plain, &c.points);
			result_free(&c.points);
		}
		free(in.p);
	}
	free(plain.p);
}

static void little_of_a_window_is_needed(void **state)
{
	struct bytes plain = sample_make(8 << 20, 22), in = sample_filter("gzip -6 -c", plain);
	struct collector c;

	(void)state;
	collect(&c, in, &plain, 32768);
	assert_true(c.kept < c.reduced * CODEC_WINDOW / 2);
	result_free(&c.points);
	free(in.p);
	free(plain.p);
}

/* What is hardly longer than its window, and what ends right behind a point. */
static void the_end_of_a_stream_is_enough(void **state)
{
	(void)state;
	for (size_t more = 0; more < 70000; more += 3001) {
		struct bytes plain = sample_make(CODEC_SPACING + more, 23);
		struct bytes in = sample_filter("gzip -6 -c", plain);
		struct collector c;

		collect(&c, in, &plain, 4096);
		assert_spans(COMPRESSION_GZIP, in, plain, &c.points);
		result_free(&c.points);
		free(in.p);
		free(plain.p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spans_decode_with_what_is_left_of_their_windows),
	    cmocka_unit_test(little_of_a_window_is_needed),
	    cmocka_unit_test(the_end_of_a_stream_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
