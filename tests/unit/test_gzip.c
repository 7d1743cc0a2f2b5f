/* SPDX-License-Identifier: MIT */
#include "store/codec/codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>
#include "tests/unit/codec_check.h"

static const struct inflate_ops *const inflaters[] = {
    &inflate_zlib,
#ifdef HAVE_ISAL
    &inflate_isal,
#endif
};
#define INFLATERS (sizeof(inflaters) / sizeof(*inflaters))

/* All inflaters agree with each other, in data and in points, however the input is cut. */
static size_t assert_all_agree(struct bytes in, struct bytes plain)
{
	static const size_t pieces[] = {65536, 0, 1};
	struct result first;
	size_t count;

	assert_decodes(inflaters[0], in, in.n, plain, &first);
	count = first.count;
	assert_int_equal(first.points[0].out, 0);
	for (size_t i = 0; i < INFLATERS; i++) {
		for (size_t k = 0; k < sizeof(pieces) / sizeof(*pieces); k++) {
			struct result r;

			assert_decodes(inflaters[i], in, pieces[k], plain, &r);
			assert_int_equal(r.count, first.count);
			for (size_t p = 0; p < r.count; p++) {
				assert_int_equal(r.points[p].out, first.points[p].out);
				assert_int_equal(r.points[p].in, first.points[p].in);
				assert_int_equal(r.points[p].bit, first.points[p].bit);
				assert_int_equal(r.points[p].window, first.points[p].window);
			}
			result_free(&r);
		}
	}
	assert_spans(COMPRESSION_GZIP, in, plain, &first);
	result_free(&first);
	return count;
}

static void what_gzip_programs_write_decodes(void **state)
{
	static const struct {
		const char *command;
		size_t points; /* at least */
	} tools[] = {
	    {"gzip -1", 2},	   {"gzip -9", 2},
	    {"pigz -p2 -b128", 2}, {"pigz -p2 -i -b128", 2},
	    {"igzip -0 -c", 1}, /* all in one block */
	    {"igzip -3 -c", 2},	   {"split -b 100000 --filter='gzip -c'", 2},
	};
	struct bytes plain = sample_make(6 << 20, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		struct bytes in = sample_filter(tools[i].command, plain);

		if (in.n > 0 && assert_all_agree(in, plain) < tools[i].points)
			fail_msg("too few points: %s", tools[i].command);
		free(in.p);
	}
	free(plain.p);
}

static void blocks_of_every_kind_give_the_same_points(void **state)
{
	static const struct {
		int level, strategy, flush;
		size_t step;
	} kinds[] = {
	    {6, Z_FIXED, -1, 0},			/* block headers of three bits */
	    {6, Z_FIXED, Z_BLOCK, 50},			/* many of them in a byte's reach */
	    {6, Z_FIXED, Z_PARTIAL_FLUSH, 7},		/* empty static blocks */
	    {0, Z_DEFAULT_STRATEGY, -1, 0},		/* stored */
	    {6, Z_DEFAULT_STRATEGY, Z_FULL_FLUSH, 999}, /* empty stored ones */
	    {9, Z_HUFFMAN_ONLY, -1, 0},
	    {1, Z_RLE, Z_BLOCK, 30000},
	};
	struct bytes plain = sample_make(5 << 20, 2);

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct bytes in = gzip_member(plain, kinds[i].level, kinds[i].strategy,
					      kinds[i].step, kinds[i].flush);

		assert_true(assert_all_agree(in, plain) >= 2);
		free(in.p);
	}
	free(plain.p);
}

static void a_long_run_of_zeros_has_points_where_its_blocks_end(void **state)
{
	struct bytes plain = {calloc(1, 40 << 20), 40 << 20};
	struct bytes in = gzip_member(plain, 6, Z_DEFAULT_STRATEGY, 0, -1);

	(void)state;
	assert_true(assert_all_agree(in, plain) >= 4);
	free(in.p);
	free(plain.p);
}

static void a_stream_may_end_where_a_point_is_looked_for(void **state)
{
	static const struct {
		int level, strategy, flush;
		size_t step;
	} kinds[] = {
	    {6, Z_FIXED, Z_BLOCK, 700},
	    {6, Z_DEFAULT_STRATEGY, Z_SYNC_FLUSH, 3000},
	    {6, Z_DEFAULT_STRATEGY, Z_BLOCK, 5000},
	    {6, Z_DEFAULT_STRATEGY, -1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		for (size_t less = 0; less <= 2000; less += 500) {
			struct bytes plain = {calloc(1, CODEC_SPACING), CODEC_SPACING - less};
			struct bytes in = gzip_member(plain, kinds[i].level, kinds[i].strategy,
						      kinds[i].step, kinds[i].flush);

			size_t spans = assert_all_agree(in, plain);

			assert_true(spans == 1 || spans == 2);
			free(in.p);
			free(plain.p);
		}
	}
}

/* An empty last block, as Go and every flush before the end write it, moves nothing but the decoder's
 * state where its bits were read before. */
static void the_end_is_found_wherever_the_last_bytes_are_cut(void **state)
{
	static const int flushes[] = {-1, Z_BLOCK, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH};
	static const size_t sizes[] = {9, CODEC_SPACING - (64 << 10)};

	(void)state;
	for (size_t i = 0; i < 5 * 2 * INFLATERS; i++) {
		const struct inflate_ops *inflate = inflaters[i % INFLATERS];
		int flush = flushes[i / INFLATERS % 5];
		struct bytes plain = sample_make(sizes[i / INFLATERS / 5], i);
		struct bytes in = gzip_member(plain, 6, Z_DEFAULT_STRATEGY, 65536, flush);

		for (size_t cut = in.n - 16; cut < in.n; cut++) {
			struct result r;

			assert_decodes(inflate, in, cut, plain, &r);
			result_free(&r);
		}
		free(in.p);
		free(plain.p);
	}
}

/* `flags` as in RFC 1952, with a body of a few bytes. */
static struct bytes small_member(unsigned flags, struct bytes plain)
{
	struct bytes m = gzip_member(plain, 6, Z_DEFAULT_STRATEGY, 0, -1);
	struct bytes b = {malloc(m.n + 1000), 0};
	uint32_t crc;

	memcpy(b.p, m.p, b.n = 10);
	b.p[3] = (uint8_t)flags;
	if (flags & 4) {
		memcpy(b.p + b.n, "\x2c\x01", 2);
		memset(b.p + b.n + 2, 0xab, 300);
		b.n += 302;
	}
	if (flags & 8) {
		memcpy(b.p + b.n, "a name", 7);
		b.n += 7;
	}
	if (flags & 16) {
		memcpy(b.p + b.n, "a comment", 10);
		b.n += 10;
	}
	crc = (uint32_t)crc32_z(0, b.p, b.n);
	if (flags & 2) {
		b.p[b.n++] = crc & 0xff;
		b.p[b.n++] = crc >> 8 & 0xff;
	}
	memcpy(b.p + b.n, m.p + 10, m.n - 10);
	b.n += m.n - 10;
	free(m.p);
	return b;
}

static void every_header_flag_is_read_wherever_it_is_cut(void **state)
{
	struct bytes plain = sample_make(300, 3), two = sample_make(300, 3), all = {NULL, 0};

	(void)state;
	for (unsigned flags = 0; flags < 32; flags++) {
		struct bytes in = small_member(flags, plain);

		assert_all_agree(in, plain);
		sample_append(&all, in);
	}
	for (int i = 1; i < 32; i++) {
		two.p = realloc(two.p, two.n + plain.n);
		memcpy(two.p + two.n, plain.p, plain.n);
		two.n += plain.n;
	}
	assert_all_agree(all, two);
	free(all.p);
	free(two.p);
	free(plain.p);
}

static void a_stream_cut_anywhere_is_truncated(void **state)
{
	struct bytes plain = sample_make(2000, 4), in = small_member(31, plain);
	size_t first = in.n;
	struct result r;

	(void)state;
	sample_append(&in, small_member(0, plain));
	for (size_t i = 0; i < INFLATERS; i++) {
		for (size_t n = 0; n < in.n; n++) {
			struct bytes cut = {in.p, n};

			if (n == first) /* the first member alone is whole */
				assert_decodes(inflaters[i], cut, 0, plain, &r);
			else
				assert_int_equal(decode(inflaters[i], cut, 0, NULL, &r), -EBADMSG);
			result_free(&r);
		}
	}
	free(in.p);
	free(plain.p);
}

static void flipped_bits_give_an_error_or_the_right_data(void **state)
{
	struct bytes plain = sample_make(3000, 5), in = small_member(31, plain);

	(void)state;
	for (size_t i = 0; i < INFLATERS; i++) {
		for (size_t bit = 0; bit < in.n * 8; bit++) {
			struct result r;
			int rc;

			in.p[bit / 8] ^= 1 << bit % 8;
			rc = decode(inflaters[i], in, bit % 2 ? 0 : in.n, &plain, &r);
			assert_true(rc == -EBADMSG || (rc == 0 && !r.wrong && r.n == plain.n));
			in.p[bit / 8] ^= 1 << bit % 8;
			result_free(&r);
		}
	}
	free(in.p);
	free(plain.p);
}

static void only_zeros_may_follow_the_last_member(void **state)
{
	struct bytes plain = sample_make(500, 6), in = small_member(0, plain);
	struct bytes zeros = {calloc(1, 3000), 3000};
	struct result r;

	(void)state;
	for (size_t i = 0; i < INFLATERS; i++) {
		struct bytes b = small_member(8, plain);

		sample_append(&b, (struct bytes){memcpy(malloc(5), "\x1f\x8bzzz", 5), 5});
		assert_refused(inflaters[i], b, EBADMSG, "");
		b.n -= 4;
		b.p[b.n - 1] = 'x';
		assert_refused(inflaters[i], b, EBADMSG, "");
		free(b.p);
	}
	sample_append(&in, zeros);
	for (size_t i = 0; i < INFLATERS; i++) {
		in.p[in.n - 1] = 0;
		assert_decodes(inflaters[i], in, 0, plain, &r);
		result_free(&r);
		in.p[in.n - 1] = 1;
		assert_refused(inflaters[i], in, EBADMSG, "follows a member");
	}
	free(in.p);
	free(plain.p);
}

static void wrong_headers_and_trailers_are_refused(void **state)
{
	struct bytes plain = sample_make(500, 7), in = small_member(2, plain);

	(void)state;
	for (size_t i = 0; i < INFLATERS; i++) {
		in.p[2] = 7;
		assert_refused(inflaters[i], in, EBADMSG, "unknown method");
		in.p[2] = 8;
		in.p[3] = 0x42;
		assert_refused(inflaters[i], in, EBADMSG, "unknown method or flag");
		in.p[3] = 2;
		in.p[4] ^= 1; /* the time, seen by the header's checksum alone */
		assert_refused(inflaters[i], in, EBADMSG, "header's checksum");
		in.p[4] ^= 1;
		in.p[in.n - 5] ^= 1;
		assert_refused(inflaters[i], in, EBADMSG, "do not match their checksum");
		in.p[in.n - 5] ^= 1;
		in.p[in.n - 4] ^= 1;
		assert_refused(inflaters[i], in, EBADMSG, "do not match their size");
		in.p[in.n - 4] ^= 1;
	}
	free(in.p);
	free(plain.p);
}

static void members_without_data_are_bounded(void **state)
{
	struct bytes nothing = {(uint8_t *)"", 0}, one = small_member(0, nothing), many = {NULL, 0};
	struct result r;

	(void)state;
	many.n = one.n * 4000;
	many.p = malloc(many.n);
	for (size_t i = 0; i < 4000; i++)
		memcpy(many.p + i * one.n, one.p, one.n);
	assert_decodes(inflate_default(), many, 0, nothing, &r);
	result_free(&r);

	struct codec_sink sink = {.arg = &r, .data = on_data, .point = on_point};
	struct codec *c;
	int rc = gzip_open(inflate_default(), &sink, &c, &r.err);

	memset(&r, 0, sizeof(r));
	for (size_t fed = 0; fed < 2 * CODEC_EMPTY_MAX && rc == 0; fed += many.n)
		rc = codec_feed(c, many.p, many.n, &r.err);
	assert_int_equal(rc, -EBADMSG);
	assert_non_null(strstr(r.err.text, "bomb"));
	codec_close(c);
	result_free(&r);
	free(many.p);
	free(one.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_gzip_programs_write_decodes),
	    cmocka_unit_test(blocks_of_every_kind_give_the_same_points),
	    cmocka_unit_test(a_long_run_of_zeros_has_points_where_its_blocks_end),
	    cmocka_unit_test(a_stream_may_end_where_a_point_is_looked_for),
	    cmocka_unit_test(the_end_is_found_wherever_the_last_bytes_are_cut),
	    cmocka_unit_test(every_header_flag_is_read_wherever_it_is_cut),
	    cmocka_unit_test(a_stream_cut_anywhere_is_truncated),
	    cmocka_unit_test(flipped_bits_give_an_error_or_the_right_data),
	    cmocka_unit_test(only_zeros_may_follow_the_last_member),
	    cmocka_unit_test(wrong_headers_and_trailers_are_refused),
	    cmocka_unit_test(members_without_data_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
