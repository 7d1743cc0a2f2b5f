/* SPDX-License-Identifier: MIT */
/* A layer that is read by its table over a blob that is here in part, and may have rotted there. */
#include "store/disk/held.h"
#include "tests/unit/lazy_make.h"

#define FILES  40
#define LENGTH 300 /* of each file */

static struct bytes text;

/* Files of their own parts, and a table of them. */
static void make_files(struct lazy_layer *l, enum lazy_format f)
{
	autobuf json = BUF_INIT;

	make_part(&l->blob, f, text.p, 512);
	buf_puts(&json, "{\"version\":1,\"entries\":[");
	for (size_t i = 0; i < FILES; i++) {
		const void *data = text.p + i * 1000;
		uint64_t at = make_part(&l->blob, f, data, LENGTH);

		buf_printf(&json,
			   "%s{\"type\":\"reg\",\"name\":\"%zu\",\"size\":%d,\"offset\":%llu",
			   i ? "," : "", i, LENGTH, (unsigned long long)at);
		if (f == LAZY_ZSTD_CHUNKED)
			buf_printf(&json, ",\"endOffset\":%zu", l->blob.len);
		buf_printf(&json, ",\"digest\":\"%s\"}", sha256_text(data, LENGTH));
	}
	buf_puts(&json, "]}");
	if (f == LAZY_ESTARGZ)
		make_estargz(l, json.data, false);
	else
		make_chunked(l, json.data);
}

static struct layer *open_part(const struct lazy_layer *l)
{
	struct layer_name name;
	struct layer *layer;
	struct err err;

	assert_true(layer_name_any_table(world.store, &l->descriptor.digest, &name));
	if (layer_open_name(world.store, world.cache, &name, l->blob.len, &layer, &err))
		fail_msg("%s", err.text);
	return layer;
}

/* The bytes that a gap names come, as a fetch brings them. */
static void fill(const struct lazy_layer *l, struct layer *layer, struct byte_range in)
{
	assert_int_equal(held_write(layer_held(layer), l->blob.data + in.first, in.end - in.first,
				    in.first, NULL),
			 0);
}

static void only_what_is_missing_comes(void **state)
{
	(void)state;
	for (enum lazy_format f = LAZY_ESTARGZ; f <= LAZY_ZSTD_CHUNKED; f++) {
		autolayer l = {0};
		struct layer *layer;
		struct layer_gap gap;
		char data[LENGTH];
		struct err err;

		make_files(&l, f);
		assert_int_equal(build_lazily(&l, 1000, &err), 0);
		layer = open_part(&l);
		for (size_t i = 0; i < FILES; i += 3) {
			assert_int_equal(layer_read(layer, i * LENGTH, data, LENGTH, &err),
					 -ENODATA);
			assert_true(layer_missing(layer, i * LENGTH, LENGTH, &gap));
			fill(&l, layer, gap.in);
			assert_false(layer_missing(layer, i * LENGTH, LENGTH, &gap));
			assert_int_equal(layer_read(layer, i * LENGTH, data, LENGTH, &err), 0);
			assert_memory_equal(data, text.p + i * 1000, LENGTH);
		}
		assert_true(held_bytes(layer_held(layer)) < l.blob.len / 2);
		layer_close(layer);
		held_remove(world.store, &l.descriptor.digest, l.blob.len);
	}
}

/* One read of a file: its bytes or an error, and after an error it is missing and comes again. */
static bool read_rotten(const struct lazy_layer *l, struct layer *layer, size_t i)
{
	char data[LENGTH];
	struct layer_gap gap;
	struct err err;
	int r = layer_read(layer, i * LENGTH, data, LENGTH, &err);

	if (r == 0) {
		assert_memory_equal(data, text.p + i * 1000, LENGTH);
		return false;
	}
	assert_int_equal(r, -EBADMSG);
	assert_true(layer_missing(layer, i * LENGTH, LENGTH, &gap));
	fill(l, layer, gap.in);
	assert_int_equal(layer_read(layer, i * LENGTH, data, LENGTH, &err), 0);
	assert_memory_equal(data, text.p + i * 1000, LENGTH);
	return true;
}

/* A byte of what is held changes, anywhere, FLIPS times. */
static void nothing_wrong_is_ever_given_out(void **state)
{
	int flips = getenv("FLIPS") ? atoi(getenv("FLIPS")) : 1000;

	(void)state;
	srand(11);
	for (enum lazy_format f = LAZY_ESTARGZ; f <= LAZY_ZSTD_CHUNKED; f++) {
		autolayer l = {0};
		struct layer *layer;
		size_t found = 0;
		struct err err;

		make_files(&l, f);
		assert_int_equal(build_lazily(&l, 1000, &err), 0);
		layer = open_part(&l);
		fill(&l, layer, (struct byte_range){0, l.blob.len});
		for (int round = 0; round < flips / 2; round++) {
			off_t at = (off_t)((size_t)rand() % l.blob.len);
			char byte = l.blob.data[at] ^ (char)(1 << rand() % 8);
			int fd = held_fd(layer_held(layer));
			size_t healed = 0;

			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
			layer_close(layer);
			span_cache_free(world.cache); /* what was decoded is forgotten */
			world.cache = span_cache_new(1 << 20);
			layer = open_part(&l);
			fd = held_fd(layer_held(layer));
			for (size_t i = 0; i < FILES; i++)
				healed += read_rotten(&l, layer, i);
			assert_true(healed <= 1);
			found += healed;
			assert_int_equal(pwrite(fd, l.blob.data + at, 1, at), 1);
		}
		assert_true(found > (size_t)flips / 10);
		layer_close(layer);
		held_remove(world.store, &l.descriptor.digest, l.blob.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_is_missing_comes),
	    cmocka_unit_test(nothing_wrong_is_ever_given_out),
	};

	text = sample_make(1 << 20, 3);
	return cmocka_run_group_tests(tests, make_world, end_world);
}
