/* SPDX-License-Identifier: MIT */
#include "store/codec/codec_ops.h"
#include "tests/unit/layer_world.h"

#include <dirent.h>
#include <errno.h>

/* ---- what holds ---- */

static const char *const commands[] = {
    "cat",
    "gzip -6 -c",
    "pigz -p2 -i -b512 -c",
    "igzip -0 -c", /* one deflate block */
    "igzip -2 -c",
    "split -b 700000 --filter='gzip -c'", /* several members */
    "zstd -3 -c",			  /* one frame */
    "split -b 3000000 --filter='zstd -1 -c'",
    "split -b 300000 --filter='zstd -1 -c'",
};

static void random_ranges_of_every_compression_are_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		struct digest blob = put_filtered(commands[i]);
		struct layer *l;

		build(&blob);
		l = open_layer(&blob);
		assert_int_equal(layer_index_archive_size(layer_index(l)), world.tar.n);
		assert_int_equal(layer_index_entries(layer_index(l)), 104);
		assert_true(digest_equal(layer_index_diff_id(layer_index(l)), &world.diff_id));
		assert_random_ranges(l, 1500);
		layer_close(l);
	}
}

static void entries_say_where_their_content_is(void **state)
{
	struct digest blob = put_filtered("gzip -1 -c");
	struct layer *l;
	struct toc_reader *toc;
	struct entry e;
	struct err err;
	int count = 0, rc;

	(void)state;
	build(&blob);
	l = open_layer(&blob);
	assert_int_equal(layer_index_toc(layer_index(l), &toc, &err), 0);
	while ((rc = toc_reader_next(toc, &e, &err)) == TOC_ENTRY) {
		char path[5500];
		struct bytes file;
		uint8_t *data;

		if (!S_ISREG(e.mode))
			continue;
		snprintf(path, sizeof(path), "%s/tree/%s", world.dir.path, e.path);
		file = sample_read(path);
		data = malloc(e.size + 1);
		assert_int_equal(file.n, e.size);
		assert_int_equal(layer_read(l, e.data, data, e.size, &err), 0);
		assert_memory_equal(data, file.p, e.size);
		free(data);
		free(file.p);
		count++;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(count, 102);
	toc_reader_close(toc);
	layer_close(l);
}

static void a_sequential_reader_decodes_every_span_once(void **state)
{
	struct digest blob = put_filtered("gzip -2 -c");
	struct span_cache *cache = span_cache_new(16 << 20);
	struct layer *l;
	struct err err;
	uint8_t data[65536];
	uint64_t misses;

	(void)state;
	build(&blob);
	assert_int_equal(layer_open(world.store, cache, &blob, &l, &err), 0);
	for (uint64_t at = 0; at + sizeof(data) <= world.tar.n; at += sizeof(data))
		assert_int_equal(layer_read(l, at, data, sizeof(data), &err), 0);
	misses = span_cache_misses(cache);
	assert_true(misses >= 2 && misses <= world.tar.n / CODEC_SPACING + 1);
	layer_close(l);
	span_cache_free(cache);
}

static void no_read_decodes_more_than_8_mib(void **state)
{
	static const char *const long_ones[] = {"igzip -0 -c", "zstd -3 -c", "gzip -6 -c"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct digest blob = put_filtered(long_ones[i]);
		struct layer *l;
		struct layer_part part;

		build(&blob);
		l = open_layer(&blob);
		for (uint64_t at = 0; at < world.tar.n; at += part.span.len) {
			assert_int_equal(layer_index_find(layer_index(l), at, &part), 0);
			assert_int_equal(part.span.from.out, at);
			assert_true(part.span.len > 0 && part.span.len <= 8 << 20);
		}
		assert_int_equal(layer_index_find(layer_index(l), world.tar.n, &part), -ENOENT);
		layer_close(l);
	}
}

static void a_read_behind_the_end_is_an_error(void **state)
{
	static const char *const two[] = {"cat", "gzip -c"};
	uint8_t data[10];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct digest blob = put_filtered(two[i]);
		struct layer *l;
		struct err err;

		build(&blob);
		l = open_layer(&blob);
		assert_range(l, world.tar.n - 10, 10);
		assert_range(l, world.tar.n, 0);
		assert_int_equal(layer_read(l, world.tar.n - 9, data, 10, &err), -EBADMSG);
		assert_int_equal(layer_read(l, UINT64_MAX - 5, data, 10, &err), -EBADMSG);
		layer_close(l);
	}
}

static void bytes_that_arrive_one_by_one_give_the_same_index(void **state)
{
	struct bytes tar = {world.tar.p, 102400}, in, one, two;
	struct layer_build *b;
	struct digest blob;
	struct err err;

	(void)state;
	in = sample_filter("gzip -c", tar);
	blob = put_blob(in);
	/* The archive is cut in the middle of a file. */
	assert_int_equal(layer_build_from_blob(world.store, &blob, NULL, NULL, &err), -EBADMSG);
	free(in.p);

	tar.n = 0; /* an archive without an entry, and its padding */
	tar.p = calloc(1, tar.n = 10240);
	in = sample_filter("gzip -c", tar);
	blob = put_blob(in);
	assert_int_equal(layer_build_from_blob(world.store, &blob, NULL, NULL, &err), 0);
	one = read_index(&blob);
	assert_int_equal(layer_build_open(world.store, NULL, NULL, &b, &err), 0);
	for (size_t i = 0; i < in.n; i++)
		assert_int_equal(layer_build_feed(b, in.p + i, 1, &err), 0);
	assert_int_equal(layer_build_finish(b, &blob, &err), 0);
	layer_build_close(b);
	two = read_index(&blob);
	assert_int_equal(one.n, two.n);
	assert_memory_equal(one.p, two.p, one.n);
	free(one.p);
	free(two.p);
	free(in.p);
	free(tar.p);
}

static unsigned files_of_layers(void)
{
	char path[512];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/store/derived/layers", world.dir.path);
	d = opendir(path);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void what_does_not_verify_leaves_no_file(void **state)
{
	struct digest blob = put_filtered("zstd -4 -c"), other = world.diff_id, cut_blob, bad_blob;
	struct bytes cut = sample_filter("gzip -3 -c | head -c 1000000", world.tar);
	struct bytes bad = sample_filter("bzip2 -1 -c | head -c 100000", world.tar);
	unsigned before = files_of_layers();
	struct layer *l;
	struct err err;

	(void)state;
	other.bytes[5] ^= 1;
	assert_int_equal(layer_build_from_blob(world.store, &blob, &other, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "diff_id"));
	cut_blob = put_blob(cut);
	assert_int_equal(layer_build_from_blob(world.store, &cut_blob, NULL, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "truncated"));
	if (bad.n > 0) {
		bad_blob = put_blob(bad);
		assert_int_equal(layer_build_from_blob(world.store, &bad_blob, NULL, NULL, &err),
				 -EOPNOTSUPP);
		assert_non_null(strstr(err.text, "bzip2"));
	}
	assert_int_equal(files_of_layers(), before);
	assert_int_equal(layer_open(world.store, world.cache, &cut_blob, &l, &err), -ENOENT);
	free(cut.p);
	free(bad.p);
}

static void a_build_can_be_cancelled(void **state)
{
	struct digest blob = put_filtered("gzip -4 -c");
	struct cancel cancel;
	struct err err;

	(void)state;
	cancel_init(&cancel);
	cancel_set(&cancel);
	assert_int_equal(layer_build_from_blob(world.store, &blob, NULL, &cancel, &err), -EINTR);
	cancel_destroy(&cancel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_ranges_of_every_compression_are_right),
	    cmocka_unit_test(entries_say_where_their_content_is),
	    cmocka_unit_test(a_sequential_reader_decodes_every_span_once),
	    cmocka_unit_test(no_read_decodes_more_than_8_mib),
	    cmocka_unit_test(a_read_behind_the_end_is_an_error),
	    cmocka_unit_test(bytes_that_arrive_one_by_one_give_the_same_index),
	    cmocka_unit_test(what_does_not_verify_leaves_no_file),
	    cmocka_unit_test(a_build_can_be_cancelled),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
