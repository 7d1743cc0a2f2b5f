/* SPDX-License-Identifier: MIT */
/* Layers that are read by a table of contents: spans with digests, blobs that are here in part. */
#include "store/base/xxh.h"
#include "store/images/gc.h"
#include "store/layer/layer_table.h"
#include "store/tar/tar.h"
#include "tests/unit/layer_world.h"

#include <errno.h>
#include <fcntl.h>
#include <zstd.h>

#define PIECE  (900u << 10) /* plain bytes of a span */
#define PIECES 40
#define GAP    100 /* bytes between two spans that belong to neither */

/* A blob made of spans of the archive, each compressed by itself. */
struct cut_blob {
	enum compression compression;
	struct bytes bytes;
	struct byte_range in[PIECES];
	size_t count;
};

static struct bytes compress_piece(enum compression c, struct bytes plain)
{
	struct bytes b;

	if (c == COMPRESSION_GZIP)
		return sample_filter("gzip -1 -c", plain);
	b.n = ZSTD_compressBound(plain.n);
	b.p = malloc(b.n);
	b.n = ZSTD_compress(b.p, b.n, plain.p, plain.n, 1);
	return b;
}

static struct bytes piece(size_t i)
{
	size_t at = i * PIECE, left = world.tar.n - at;

	return (struct bytes){world.tar.p + at, left < PIECE ? left : PIECE};
}

static struct cut_blob cut(enum compression c)
{
	struct cut_blob b = {.compression = c};

	for (size_t at = 0; at < world.tar.n; at += PIECE) {
		struct bytes span = compress_piece(c, piece(b.count));

		assert_true(b.count < PIECES);
		b.bytes.p = realloc(b.bytes.p, b.bytes.n + span.n + GAP);
		memcpy(b.bytes.p + b.bytes.n, span.p, span.n);
		b.in[b.count++] = (struct byte_range){b.bytes.n, b.bytes.n + span.n};
		b.bytes.n += span.n;
		memset(b.bytes.p + b.bytes.n, 0xaa, GAP);
		b.bytes.n += GAP;
		free(span.p);
	}
	return b;
}

static int add_entry(void *arg, const struct entry *e, struct err *err)
{
	return layer_table_entry(arg, e, err);
}

static void write_table(const struct cut_blob *b, const struct digest *blob)
{
	const struct layer_claim claim = {blob,		  &world.diff_id, b->bytes.n,
					  b->compression, NULL,		  0};
	struct layer_table *t;
	struct tar *tar;
	struct digest d;
	struct err err;

	assert_int_equal(layer_table_open(world.store, LAYER_CHECK_DIGESTS, &t, &err), 0);
	for (size_t i = 0; i < b->count; i++) {
		struct bytes p = piece(i);

		digest_of(DIGEST_SHA256, p.p, p.n, &d, &err);
		assert_int_equal(layer_table_span(t, b->in[i], 0, p.n, &d, &err), 0);
	}
	assert_int_equal(tar_open(add_entry, t, &tar, &err), 0);
	assert_int_equal(tar_feed(tar, world.tar.p, world.tar.n, &err), 0);
	assert_int_equal(tar_finish(tar, &err), 0);
	tar_close(tar);
	if (layer_table_finish(t, &claim, &err) < 0)
		fail_msg("%s", err.text);
	layer_table_close(t);
}

/* A layer whose blob is whole, by its table. */
static struct layer *open_table(const struct digest *blob)
{
	struct blob_source *source;
	struct layer *l;
	struct err err;

	assert_int_equal(blob_source_open(world.store, blob, &source, &err), 0);
	if (layer_open_source(world.store, world.cache, blob, LAYER_CHECK_DIGESTS, source, &l,
			      &err))
		fail_msg("%s", err.text);
	return l;
}

static void a_layer_is_read_by_its_table(void **state)
{
	(void)state;
	for (enum compression c = COMPRESSION_GZIP; c <= COMPRESSION_ZSTD; c++) {
		struct cut_blob b = cut(c);
		struct digest blob = put_blob(b.bytes);
		struct layer *l;

		write_table(&b, &blob);
		l = open_table(&blob);
		assert_int_equal(layer_index_check(layer_index(l)), LAYER_CHECK_DIGESTS);
		assert_int_equal(layer_index_archive_size(layer_index(l)), world.tar.n);
		assert_int_equal(layer_index_entries(layer_index(l)), 104);
		assert_random_ranges(l, 500);
		layer_close(l);
		free(b.bytes.p);
	}
}

static void a_span_of_another_digest_is_refused(void **state)
{
	struct cut_blob b = cut(COMPRESSION_ZSTD);
	uint8_t data[100];
	struct bytes other;
	struct digest blob;
	struct layer *l;
	struct err err;

	(void)state;
	other = compress_piece(COMPRESSION_ZSTD, (struct bytes){world.tar.p + 1, PIECE});
	assert_true(other.n <= b.in[5].end - b.in[5].first + GAP);
	memcpy(b.bytes.p + b.in[5].first, other.p, other.n);
	b.in[5].end = b.in[5].first + other.n;
	blob = put_blob(b.bytes);
	write_table(&b, &blob);
	l = open_table(&blob);
	assert_int_equal(layer_read(l, 5 * PIECE, data, sizeof(data), &err), -EBADMSG);
	assert_non_null(strstr(err.text, "do not match their digest"));
	assert_range(l, 4 * PIECE, PIECE);
	assert_range(l, 6 * PIECE, PIECE);
	assert_true(layer_intact(l));
	layer_close(l);
	free(other.p);
	free(b.bytes.p);
}

/* A source that holds the spans but the one of that number. */
static struct blob_source *part_source(const struct cut_blob *b, const struct digest *blob,
				       size_t but)
{
	struct blob_source *source;
	struct held *held;

	held_remove(world.store, blob, b->bytes.n);
	assert_int_equal(held_open(world.store, blob, b->bytes.n, &held, NULL), 0);
	for (size_t i = 0; i < b->count; i++) {
		struct byte_range in = b->in[i];

		if (i != but)
			assert_int_equal(held_write(held, b->bytes.p + in.first, in.end - in.first,
						    in.first, NULL),
					 0);
	}
	assert_int_equal(blob_source_open_held(held, &source, NULL), 0);
	assert_int_equal(blob_source_whole_fd(source), -1);
	return source;
}

static void what_is_missing_is_told_and_the_rest_is_read(void **state)
{
	struct cut_blob b = cut(COMPRESSION_GZIP);
	struct span_cache *cache = span_cache_new(8 << 20);
	struct layer_gap r;
	struct digest blob;
	struct layer *l;
	uint8_t data[100];
	struct err err;

	(void)state;
	b.bytes.p[b.bytes.n - 1] ^= 1; /* a blob that the store does not have */
	digest_of(DIGEST_SHA256, b.bytes.p, b.bytes.n, &blob, &err);
	write_table(&b, &blob);
	assert_int_equal(layer_open(world.store, cache, &blob, &l, &err), -ENOENT);
	assert_int_equal(layer_open_source(world.store, cache, &blob, LAYER_CHECK_DIGESTS,
					   part_source(&b, &blob, 5), &l, &err),
			 0);
	assert_false(layer_missing(l, 0, 5 * PIECE, &r));
	assert_false(layer_missing(l, 6 * PIECE, PIECE, &r));
	assert_range(l, 0, 5 * PIECE);
	assert_range(l, 6 * PIECE, PIECE);

	assert_true(layer_missing(l, 3 * PIECE, 2 * PIECE + 1, &r));
	assert_int_equal(r.in.first, b.in[5].first);
	assert_int_equal(r.in.end, b.in[5].end);
	assert_int_equal(layer_read(l, 6 * PIECE - 10, data, sizeof(data), &err), -ENODATA);
	assert_true(layer_intact(l));
	assert_range(l, 4 * PIECE, PIECE);
	layer_close(l);

	/* What it could not read is read as soon as it is there. */
	assert_int_equal(layer_open_source(world.store, cache, &blob, LAYER_CHECK_DIGESTS,
					   part_source(&b, &blob, 7), &l, &err),
			 0);
	assert_range(l, 5 * PIECE - 10, PIECE);
	layer_close(l);
	span_cache_free(cache);
	free(b.bytes.p);
}

static void of_a_plain_archive_whole_pieces_are_missing(void **state)
{
	struct digest blob = put_blob(world.tar);
	struct blob_source *source;
	struct held *held;
	struct layer_gap r;
	struct layer *l;

	(void)state;
	build(&blob);
	l = open_layer(&blob);
	assert_false(layer_missing(l, 0, world.tar.n, &r));
	layer_close(l);
	assert_int_equal(held_open(world.store, &blob, world.tar.n, &held, NULL), 0);
	assert_int_equal(held_write(held, world.tar.p, LAYER_PIECE + 5000, 0, NULL), 0);
	assert_int_equal(blob_source_open_held(held, &source, NULL), 0);
	assert_int_equal(layer_open_source(world.store, world.cache, &blob, LAYER_CHECK_BLOCKS,
					   source, &l, NULL),
			 0);
	assert_range(l, 0, LAYER_PIECE);
	assert_true(
	    layer_missing(l, LAYER_PIECE - 10, 20, &r)); /* half a piece cannot be verified */
	assert_int_equal(r.in.first, LAYER_PIECE + 5000);
	assert_int_equal(r.in.end, 2 * LAYER_PIECE);
	layer_close(l);
}

/* Spans that begin within a member: two pieces in each, the second behind a gap. */
static void what_stands_before_a_span_is_skipped(void **state)
{
	enum { LEN = 300000, PARTS = 6, SKIP = 12345 };

	(void)state;
	for (enum compression c = COMPRESSION_GZIP; c <= COMPRESSION_ZSTD; c++) {
		struct bytes member = compress_piece(c, (struct bytes){world.tar.p, LEN * PARTS});
		const struct digest blob = put_blob(member);
		const struct layer_claim claim = {&blob, &world.diff_id, member.n, c, NULL, 0};
		struct layer_table *t;
		struct digest d;
		struct layer *l;
		struct err err;

		assert_int_equal(layer_table_open(world.store, LAYER_CHECK_DIGESTS, &t, &err), 0);
		for (size_t i = 0; i < PARTS; i++) {
			const uint8_t *at = world.tar.p + i * LEN + SKIP;

			digest_of(DIGEST_SHA256, at, LEN - SKIP, &d, &err);
			assert_int_equal(layer_table_span(t, (struct byte_range){0, member.n},
							  i * LEN + SKIP, LEN - SKIP, &d, &err),
					 0);
		}
		assert_int_equal(layer_table_finish(t, &claim, &err), 0);
		layer_table_close(t);
		l = open_table(&blob);
		for (size_t i = 0; i < PARTS; i++) {
			uint8_t *data = malloc(LEN - SKIP);

			assert_int_equal(layer_read(l, i * (LEN - SKIP), data, LEN - SKIP, &err),
					 0);
			assert_memory_equal(data, world.tar.p + i * LEN + SKIP, LEN - SKIP);
			free(data);
		}
		layer_close(l);
		free(member.p);
	}
}

/* What the table says and what the bytes say are two files, and neither is taken for the other. */
static void an_index_by_table_stands_in_for_no_other(void **state)
{
	struct cut_blob b = cut(COMPRESSION_ZSTD);
	struct layer_index *x;
	char path[512], other[512];
	struct digest blob;
	struct stat st;
	struct err err;

	(void)state;
	b.bytes.n -= GAP; /* a stream that can be decoded to its end */
	blob = put_blob(b.bytes);
	path_in_store(path, sizeof(path), &blob, ".table");
	path_in_store(other, sizeof(other), &blob, "");
	write_table(&b, &blob);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(stat(other, &st), -1);
	assert_int_equal(layer_open(world.store, world.cache, &blob, &(struct layer *){0}, &err),
			 -ENOENT);
	assert_int_equal(layer_index_open(world.store, &blob, LAYER_CHECK_DIGESTS, &x, &err), 0);
	layer_index_close(x);

	assert_int_equal(rename(path, other), 0);
	assert_int_equal(layer_index_open(world.store, &blob, LAYER_CHECK_BLOCKS, &x, &err),
			 -ENOENT);
	assert_int_equal(layer_index_open(world.store, &blob, LAYER_CHECK_DIGESTS, &x, &err),
			 -ENOENT);
	write_table(&b, &blob);
	layer_index_remove(world.store, &blob);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(stat(other, &st), -1);
	free(b.bytes.p);
}

/* The index with that skip in its first span, and a checksum that is right again. */
static int parse_with_skip(struct bytes index, const struct digest *blob, uint32_t skip)
{
	struct layer_header *h = (struct layer_header *)(void *)index.p;
	struct layer_span *s = (void *)(index.p + sizeof(*h) + h->windows_size);
	struct layer_index *x = NULL;
	int r;

	s->skip = skip;
	h->checksum = layer_checksum(h, XXH3_64bits(h + 1, index.n - sizeof(*h)));
	r = layer_index_parse(index.p, index.n, blob, &x, NULL);
	layer_index_close(x);
	return r;
}

static void a_skip_that_cannot_be_makes_an_index_unusable(void **state)
{
	struct cut_blob b = cut(COMPRESSION_ZSTD);
	struct digest by_table = put_blob(b.bytes), by_bytes = put_filtered("gzip -1 -c");
	struct bytes index;
	char path[512];

	(void)state;
	write_table(&b, &by_table);
	path_in_store(path, sizeof(path), &by_table, ".table");
	index = sample_read(path);
	assert_int_equal(parse_with_skip(index, &by_table, LAYER_SPAN_MAX), 0);
	assert_int_equal(parse_with_skip(index, &by_table, LAYER_SPAN_MAX + 1), -ENOENT);
	free(index.p);

	build(&by_bytes);
	index = read_index(&by_bytes);
	assert_int_equal(parse_with_skip(index, &by_bytes, 0), 0);
	assert_int_equal(parse_with_skip(index, &by_bytes, 1), -ENOENT);
	free(index.p);
	free(b.bytes.p);
}

static void an_index_by_table_goes_with_its_blob(void **state)
{
	struct cut_blob b = cut(COMPRESSION_GZIP);
	struct digest blob;
	char path[512];
	struct stat st;
	struct gc gc = {0};
	struct err err;

	(void)state;
	b.bytes.p[b.bytes.n - 1] ^= 2; /* a blob of its own */
	blob = put_blob(b.bytes);
	write_table(&b, &blob);
	path_in_store(path, sizeof(path), &blob, ".table");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(gc_run(world.store, &gc, &err), 0);
	assert_int_equal(stat(path, &st), -1);
	assert_false(blob_exists(world.store, &blob, b.bytes.n));
	free(b.bytes.p);
}

static void what_cannot_be_a_span_is_refused(void **state)
{
	const struct digest d = {.algorithm = DIGEST_SHA256};
	const struct layer_claim claim = {&d, &d, 50, COMPRESSION_ZSTD, NULL, 0};
	struct layer_table *t;
	struct err err;

	(void)state;
	assert_int_equal(layer_table_open(world.store, LAYER_CHECK_DIGESTS, &t, &err), 0);
	assert_int_equal(layer_table_span(t, (struct byte_range){0, 10}, 0, 0, &d, &err), -EBADMSG);
	assert_int_equal(
	    layer_table_span(t, (struct byte_range){0, 10}, 0, LAYER_SPAN_MAX + 1, &d, &err),
	    -EBADMSG);
	assert_int_equal(
	    layer_table_span(t, (struct byte_range){0, 10}, LAYER_SPAN_MAX + 1, 1, &d, &err),
	    -EBADMSG);
	assert_int_equal(layer_table_span(t, (struct byte_range){0, 10}, UINT64_MAX, 1, &d, &err),
			 -EBADMSG);
	assert_int_equal(layer_table_span(t, (struct byte_range){10, 10}, 0, 5, &d, &err),
			 -EBADMSG);
	assert_int_equal(layer_table_span(t, (struct byte_range){10, 5}, 0, 5, &d, &err), -EBADMSG);
	assert_int_equal(layer_table_span(t, (struct byte_range){0, 60}, 0, 5, &d, &err), 0);
	assert_int_equal(layer_table_finish(t, &claim, &err), -EBADMSG);
	layer_table_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_layer_is_read_by_its_table),
	    cmocka_unit_test(a_span_of_another_digest_is_refused),
	    cmocka_unit_test(what_is_missing_is_told_and_the_rest_is_read),
	    cmocka_unit_test(of_a_plain_archive_whole_pieces_are_missing),
	    cmocka_unit_test(what_stands_before_a_span_is_skipped),
	    cmocka_unit_test(an_index_by_table_stands_in_for_no_other),
	    cmocka_unit_test(a_skip_that_cannot_be_makes_an_index_unusable),
	    cmocka_unit_test(an_index_by_table_goes_with_its_blob),
	    cmocka_unit_test(what_cannot_be_a_span_is_refused),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
