/* SPDX-License-Identifier: MIT */
/* store/layer/layer.h: blobs, and what is derived from them, that are damaged before or while a
 * layer is open. */
#include "store/disk/damage.h"
#include "tests/unit/emulator.h"
#include "tests/unit/layer_world.h"

#include <errno.h>

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

/* The blob is fetched again, as a pull does. */
static void mend(const struct digest *blob, struct bytes b)
{
	AUTO(blob_writer_close) struct blob_writer *w = NULL;

	assert_int_equal(blob_writer_open(world.store, blob, b.n, NULL, &w, NULL), 0);
	assert_int_equal(blob_writer_write(w, b.p, b.n, NULL), 0);
	assert_int_equal(blob_writer_commit(w, NULL), 0);
}

static void a_damaged_blob_gives_an_error_or_the_right_data(void **state)
{
	static const char *const kinds[] = {"gzip -7 -c", "igzip -1 -c", "zstd -5 -c", "cat"};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct digest blob = put_filtered(kinds[i]);
		struct span_cache *cache = span_cache_new(0);
		char path[512], relative[BLOB_PATH_MAX];
		uint8_t *data = malloc(world.tar.n);
		struct bytes right;
		struct layer *l;
		struct err err;
		int rc;

		build(&blob);
		assert_int_equal(layer_open(world.store, cache, &blob, &l, &err), 0);
		snprintf(path, sizeof(path), "%s/store/%s", world.dir.path,
			 blob_path(&blob, relative));
		chmod(path, 0600);
		right = sample_read(path);
		spoil(path, 400000);
		rc = layer_read(l, 0, data, 4096, &err);
		assert_true(rc == -EBADMSG || (rc == 0 && !memcmp(data, world.tar.p, 4096)));
		assert_int_equal(damage_is_marked(world.store, &blob), rc != 0);
		assert_int_equal(layer_read(l, 0, data, world.tar.n, &err), -EBADMSG);
		assert_true(damage_is_marked(world.store, &blob));
		assert_true(layer_intact(l));
		assert_int_equal(layer_build_from_blob(world.store, &blob, NULL, NULL, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.text, "damaged"));
		mend(&blob, right);
		free(right.p);
		assert_int_equal(layer_read(l, 0, data, world.tar.n, &err), -EBADMSG);
		assert_false(layer_intact(l)); /* another one has taken its place */
		assert_false(damage_is_marked(world.store, &blob));
		layer_close(l);
		l = open_layer(&blob);
		assert_range(l, 0, world.tar.n);
		layer_close(l);
		span_cache_free(cache);
		free(data);
	}
}

static off_t offset_of(const struct digest *blob, const void *data, size_t len)
{
	struct bytes b = read_index(blob);
	const uint8_t *at = memmem(b.p, b.n, data, len);
	off_t offset = at - b.p;

	assert_non_null(at);
	free(b.p);
	return offset;
}

/* A window was lost or changed: an error or the right data, and then the index is made again. */
static void an_index_that_is_damaged_while_it_is_open_is_made_again(void **state)
{
	struct digest blob = put_filtered("gzip -7 -c");
	uint8_t *data = malloc(world.tar.n);
	struct layer_part part;
	struct err err;
	char path[512];

	(void)state;
	needs_fault_address();
	path_in_store(path, sizeof(path), &blob, "");
	for (int how = 0; how < 4; how++) {
		struct span_cache *cache = span_cache_new(0);
		struct layer *l, *again;

		build(&blob);
		assert_int_equal(layer_open(world.store, cache, &blob, &l, &err), 0);
		assert_int_equal(layer_index_find(layer_index(l), world.tar.n / 2, &part), 0);
		assert_true(part.window_size > 20);
		if (how == 3)
			spoil(path, offset_of(&blob, part.window, part.window_size) + 20);
		else
			assert_int_equal(truncate(path, how * 3000), 0);
		if (layer_read(l, 0, data, world.tar.n, &err) != -EBADMSG)
			fail_msg("%d: read", how);
		assert_non_null(strstr(err.text, "the index"));
		assert_false(layer_intact(l));
		assert_int_equal(layer_open(world.store, cache, &blob, &again, &err), -ENOENT);
		build(&blob);
		assert_int_equal(layer_open(world.store, cache, &blob, &again, &err), 0);
		assert_true(layer_intact(again));
		assert_range(again, 0, world.tar.n);
		layer_close(again);
		layer_close(l);
		span_cache_free(cache);
	}
	free(data);
}

/* The file is mapped: what it says of a span may change while the span is in the cache. */
static void a_span_that_grows_under_its_reader_is_an_error(void **state)
{
	const size_t more = 300 << 10;
	struct digest blob = put_filtered("gzip -5 -c");
	uint8_t *data = malloc(world.tar.n);
	struct layer_header h;
	struct layer_part part;
	struct layer_span next[2];
	struct layer_bytes beside; /* its memory is likely to follow that of the span */
	struct layer *l;
	struct err err;
	char path[512];
	off_t at;
	int fd;

	(void)state;
	build(&blob);
	l = open_layer(&blob);
	assert_int_equal(layer_index_find(layer_index(l), world.tar.n / 4, &part), 0);
	at = (off_t)(part.span.from.out + part.span.len);
	assert_int_equal(layer_get(l, (uint64_t)at, more, &beside, &err), 0);
	assert_range(l, part.span.from.out, part.span.len);
	path_in_store(path, sizeof(path), &blob, "");
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	at = (off_t)(sizeof(h) + h.windows_size + (part.number + 1) * sizeof(*next));
	assert_int_equal(pread(fd, next, sizeof(next), at), sizeof(next));
	assert_int_equal(next[0].out, part.span.from.out + part.span.len);
	next[0].out += more;
	next[0].in = next[1].in;
	assert_int_equal(pwrite(fd, next, sizeof(next), at), sizeof(next));
	close(fd);

	assert_int_equal(layer_read(l, part.span.from.out, data, part.span.len + more, &err),
			 -EBADMSG);
	assert_false(layer_intact(l));
	assert_memory_equal(beside.data, world.tar.p + part.span.from.out + part.span.len,
			    beside.len);
	layer_put(l, &beside);
	layer_close(l);
	free(data);
}

static void damaged_frames_are_made_again(void **state)
{
	struct digest blob = put_filtered("zstd -6 -c");
	uint8_t *data = malloc(world.tar.n);
	struct layer_index *index;
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

	/* As far as a pull looks: it has the index opened alone. */
	assert_int_equal(truncate(path, 1000), 0);
	assert_int_equal(layer_index_open(world.store, &blob, LAYER_CHECK_BLOCKS, &index, &err),
			 -ENOENT);
	unlink(path);
	assert_int_equal(layer_index_open(world.store, &blob, LAYER_CHECK_BLOCKS, &index, &err),
			 -ENOENT);
	free(data);
}

/* What tables of many images read is the header alone. */
static void a_damaged_header_gives_no_size(void **state)
{
	struct digest blob = put_filtered("gzip -4 -c");
	char path[512];
	uint64_t size;
	int fd;

	(void)state;
	build(&blob);
	path_in_store(path, sizeof(path), &blob, "");
	fd = open(path, O_RDWR);
	for (size_t bit = 0; bit < sizeof(struct layer_header) * 8; bit++) {
		uint8_t byte;

		assert_int_equal(pread(fd, &byte, 1, (off_t)bit / 8), 1);
		byte ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)bit / 8), 1);
		if (layer_index_peek(world.store, &blob, &size, NULL) == 0)
			assert_int_equal(size, world.tar.n);
		byte ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)bit / 8), 1);
	}
	close(fd);
	assert_int_equal(layer_index_peek(world.store, &blob, &size, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_damaged_index_is_as_if_there_were_none),
	    cmocka_unit_test(a_damaged_blob_gives_an_error_or_the_right_data),
	    cmocka_unit_test(an_index_that_is_damaged_while_it_is_open_is_made_again),
	    cmocka_unit_test(a_span_that_grows_under_its_reader_is_an_error),
	    cmocka_unit_test(damaged_frames_are_made_again),
	    cmocka_unit_test(a_damaged_header_gives_no_size),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
