/* SPDX-License-Identifier: MIT */
#include "store/codec_ops.h"
#include "store/layer.h"
#include "store/layer_format.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>
#include "tests/unit/sample.h"

/* A store of its own, and an archive that GNU tar made. */
struct world {
	struct scratch dir;
	struct store *store;
	struct span_cache *cache;
	struct bytes tar;
	struct digest diff_id;
};

static struct world world;

static int make_world(void **state)
{
	struct bytes text = sample_make(11 << 20, 21), zeros = {calloc(1, 9 << 20), 9 << 20};
	char path[512], command[1024];
	struct err err;

	(void)state;
	world.dir = scratch_make();
	snprintf(command, sizeof(command), "mkdir -p %s/tree/d", world.dir.path);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/tree/text", world.dir.path);
	sample_write(path, text);
	snprintf(path, sizeof(path), "%s/tree/zeros", world.dir.path);
	sample_write(path, zeros);
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "%s/tree/d/%d", world.dir.path, i);
		sample_write(path, (struct bytes){text.p + i * 5000, (size_t)i * 100});
	}
	snprintf(command, sizeof(command), "tar -C %s/tree -cf %s/tar .", world.dir.path,
		 world.dir.path);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/tar", world.dir.path);
	world.tar = sample_read(path);
	free(text.p);
	free(zeros.p);

	snprintf(path, sizeof(path), "%s/store", world.dir.path);
	world.cache = span_cache_new(32 << 20);
	if (store_open(path, &world.store, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return digest_of(DIGEST_SHA256, world.tar.p, world.tar.n, &world.diff_id, &err);
}

static int end_world(void **state)
{
	(void)state;
	span_cache_free(world.cache);
	store_close(world.store);
	free(world.tar.p);
	scratch_drop(&world.dir);
	return 0;
}

/* A blob in the store. */
static struct digest put_blob(struct bytes b)
{
	struct digest d;
	struct err err;

	assert_int_equal(digest_of(DIGEST_SHA256, b.p, b.n, &d, &err), 0);
	if (!blob_exists(world.store, &d, b.n))
		assert_int_equal(blob_put(world.store, &d, b.p, b.n, &err), 0);
	return d;
}

static struct digest put_filtered(const char *command)
{
	struct bytes b = sample_filter(command, world.tar);
	struct digest d;

	if (b.n == 0)
		skip();
	d = put_blob(b);
	free(b.p);
	return d;
}

static void build(const struct digest *blob)
{
	struct err err;

	if (layer_build_from_blob(world.store, blob, &world.diff_id, NULL, &err))
		fail_msg("%s", err.text);
}

static struct layer *open_layer(const struct digest *blob)
{
	struct layer *l;
	struct err err;

	if (layer_open(world.store, world.cache, blob, &l, &err))
		fail_msg("%s", err.text);
	return l;
}

static void assert_range(struct layer *l, uint64_t offset, size_t len)
{
	uint8_t *data = malloc(len + 1);
	struct err err;

	if (layer_read(l, offset, data, len, &err))
		fail_msg("%zu bytes at %llu: %s", len, (unsigned long long)offset, err.text);
	if (memcmp(data, world.tar.p + offset, len))
		fail_msg("%zu bytes at %llu are wrong", len, (unsigned long long)offset);
	free(data);
}

static void assert_random_ranges(struct layer *l, int n)
{
	uint64_t seed = 42;

	for (int i = 0; i < n; i++) {
		uint64_t offset = sample_random(&seed) % (world.tar.n + 1);
		size_t len = sample_random(&seed) % (i % 100 ? 9000 : 9000000);

		assert_range(l, offset, len < world.tar.n - offset ? len : world.tar.n - offset);
	}
}

static void path_in_store(char *path, size_t size, const struct digest *blob, const char *suffix)
{
	char relative[LAYER_PATH_MAX];

	snprintf(path, size, "%s/store/%s", world.dir.path, layer_path(blob, suffix, relative));
}

static struct bytes read_index(const struct digest *blob)
{
	char path[512];

	path_in_store(path, sizeof(path), blob, "");
	return sample_read(path);
}

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
	while ((rc = toc_reader_next(toc, &e, &err)) > 0) {
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

	(void)state;
	build(&blob);
	assert_int_equal(layer_open(world.store, cache, &blob, &l, &err), 0);
	for (uint64_t at = 0; at + sizeof(data) <= world.tar.n; at += sizeof(data))
		assert_int_equal(layer_read(l, at, data, sizeof(data), &err), 0);
	assert_in_range(span_cache_misses(cache), 2, world.tar.n / CODEC_SPACING + 1);
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
			assert_true(layer_index_find(layer_index(l), at, &part));
			assert_int_equal(part.span.from.out, at);
			assert_in_range(part.span.len, 1, 8 << 20);
		}
		assert_false(layer_index_find(layer_index(l), world.tar.n, &part));
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

static void a_damaged_index_is_as_if_there_were_none(void **state)
{
	struct digest blob = put_filtered("gzip -5 -c"), other = blob;
	struct layer_index *x;
	struct layer *l;
	struct bytes b, good;
	struct err err;
	char path[512];

	(void)state;
	build(&blob);
	good = read_index(&blob);
	b = read_index(&blob);
	for (size_t i = 0; i < b.n; i += i < 400 ? 1 : 997) {
		b.p[i] ^= 0x10;
		assert_int_equal(layer_index_parse(b.p, b.n, &blob, &x, &err), -ENOENT);
		b.p[i] ^= 0x10;
	}
	for (size_t n = 0; n < b.n; n += n < 400 ? 1 : 997)
		assert_int_equal(layer_index_parse(b.p, n, &blob, &x, &err), -ENOENT);
	other.bytes[0] ^= 1;
	assert_int_equal(layer_index_parse(b.p, b.n, &other, &x, &err), -ENOENT);

	b.p[b.n / 2] ^= 1;
	path_in_store(path, sizeof(path), &blob, "");
	sample_write(path, b);
	assert_int_equal(layer_open(world.store, world.cache, &blob, &l, &err), -ENOENT);
	free(b.p);
	build(&blob);
	b = read_index(&blob);
	assert_int_equal(b.n, good.n);
	assert_memory_equal(b.p, good.p, b.n);
	l = open_layer(&blob);
	assert_random_ranges(l, 10);
	layer_close(l);
	free(b.p);
	free(good.p);
}

/* Writes one byte of a file in place. */
static void spoil(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR);
	uint8_t byte = 0;

	if (fd < 0 || pread(fd, &byte, 1, offset) != 1)
		fail_msg("cannot spoil %s", path);
	byte ^= 4;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void a_damaged_blob_gives_an_error_or_the_right_data(void **state)
{
	static const char *const three[] = {"gzip -7 -c", "igzip -1 -c", "zstd -5 -c"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct digest blob = put_filtered(three[i]);
		struct span_cache *cache = span_cache_new(0);
		char path[512], relative[BLOB_PATH_MAX];
		uint8_t *data = malloc(world.tar.n);
		struct layer *l;
		struct err err;
		int rc;

		build(&blob);
		assert_int_equal(layer_open(world.store, cache, &blob, &l, &err), 0);
		snprintf(path, sizeof(path), "%s/store/%s", world.dir.path,
			 blob_path(&blob, relative));
		chmod(path, 0600);
		spoil(path, 400000);
		rc = layer_read(l, 0, data, 4096, &err);
		assert_true(rc == -EBADMSG || (rc == 0 && !memcmp(data, world.tar.p, 4096)));
		assert_int_equal(layer_read(l, 0, data, world.tar.n, &err), -EBADMSG);
		assert_int_equal(layer_build_from_blob(world.store, &blob, NULL, NULL, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.text, "damaged"));
		layer_close(l);
		span_cache_free(cache);
		free(data);
	}
}

static void damaged_frames_are_made_again(void **state)
{
	struct digest blob = put_filtered("zstd -6 -c");
	uint8_t *data = malloc(world.tar.n);
	struct layer *l;
	struct err err;
	char path[512];

	(void)state;
	build(&blob);
	path_in_store(path, sizeof(path), &blob, ".frames");
	spoil(path, 100000);
	l = open_layer(&blob);
	assert_int_equal(layer_read(l, 0, data, world.tar.n, &err), -EBADMSG);
	layer_close(l);
	assert_int_equal(layer_open(world.store, world.cache, &blob, &l, &err), -ENOENT);
	build(&blob);
	l = open_layer(&blob);
	assert_range(l, 0, world.tar.n);
	layer_close(l);

	assert_int_equal(truncate(path, 1000), 0);
	assert_int_equal(layer_open(world.store, world.cache, &blob, &l, &err), -ENOENT);
	unlink(path);
	assert_int_equal(layer_open(world.store, world.cache, &blob, &l, &err), -ENOENT);
	free(data);
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
	    cmocka_unit_test(a_damaged_index_is_as_if_there_were_none),
	    cmocka_unit_test(a_damaged_blob_gives_an_error_or_the_right_data),
	    cmocka_unit_test(damaged_frames_are_made_again),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
