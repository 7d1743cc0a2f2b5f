/* SPDX-License-Identifier: MIT */
/* store/layer/toc.h: what is written is read, field by field; what is damaged is refused. */
#include "store/layer/toc.h"

#include "tests/unit/tar_make.h"

#include <sys/stat.h>
#include <zstd.h>

static const struct extent map[] = {{4096, 100}, {8192, 1}};
static const struct extent no_data[] = {{0, 0}};
static const struct xattr xattrs[] = {{"security.capability", "\1\0\0\2", 4},
				      {"user.empty", "", 0}};

#define NAME(s) .path = (s), .path_len = sizeof(s) - 1
#define LINK(s) .link = (s), .link_len = sizeof(s) - 1

static const struct entry samples[] = {
    {NAME(""), LINK(""), .mode = S_IFDIR | 0755},
    {NAME("bin"), LINK("usr/bin"), .mode = S_IFLNK | 0777, .size = 7, .mtime = 1700000000},
    {NAME("usr/bin/a"), LINK(""), .mode = S_IFREG | 0755, .size = 700, .data = 1536, .stored = 700},
    {NAME("usr/bin/b"), LINK(""), .mode = S_IFREG | 0755, .data = 3072, .mtime_ns = 999999999},
    {NAME("usr/bin/c"), LINK("usr/bin/a"), .mode = 0755, .uid = UINT32_MAX, .gid = 1},
    {NAME("usr/bin"), LINK(""), .mode = S_IFDIR | 0755, .mtime = INT64_MIN},
    {NAME("dev/null"), LINK(""), .mode = S_IFCHR | 0666, .dev_major = 1, .dev_minor = 3},
    {NAME("z"), LINK(""), .mode = S_IFREG, .mtime = INT64_MAX, .size = 1ULL << 40,
     .data = 1ULL << 40, .stored = 101, .extents = map, .extent_count = 2},
    {NAME("hole"), LINK(""), .mode = S_IFREG, .size = 4096, .extents = no_data, .extent_count = 1},
    {NAME("ping"), LINK(""), .mode = S_IFREG | 0755, .xattrs = xattrs, .xattr_count = 2},
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void write_all(const struct entry *entries, size_t count, struct buf *out)
{
	AUTO(toc_writer_close) struct toc_writer *w = NULL;
	struct err err;

	assert_int_equal(toc_writer_open(&w, &err), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(toc_writer_add(w, &entries[i], &err), 0);
	assert_int_equal(toc_writer_count(w), count);
	assert_int_equal(toc_writer_finish(w, out, &err), 0);
}

static int read_all(const void *data, size_t len, struct tar_list **out)
{
	AUTO(toc_reader_close) struct toc_reader *r = NULL;
	struct tar_list *l = calloc(1, sizeof(*l));
	struct entry e;
	struct err err;
	int rc;

	*out = l;
	assert_int_equal(toc_reader_open(data, len, &r, &err), 0);
	while ((rc = toc_reader_next(r, &e, &err)) == TOC_ENTRY) {
		list_add(l, &e, &err);
		for (uint32_t i = 0; i < e.extent_count; i++)
			assert_true(e.extents[i].offset + e.extents[i].length <= e.size);
	}
	return rc;
}

static struct tar_list *list_of_samples(const struct entry *entries, size_t count)
{
	struct tar_list *l = calloc(1, sizeof(*l));

	for (size_t i = 0; i < count; i++)
		list_add(l, &entries[i], NULL);
	return l;
}

static void test_every_field_comes_back(void **state)
{
	AUTO(tar_list_close) struct tar_list *want = list_of_samples(samples, SAMPLES), *got = NULL;
	autobuf toc = BUF_INIT;

	(void)state;
	write_all(samples, SAMPLES, &toc);
	assert_int_equal(read_all(toc.data, toc.len, &got), 0);
	assert_same_list(want, got);
}

static void test_empty_layer(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	autobuf toc = BUF_INIT;

	(void)state;
	write_all(NULL, 0, &toc);
	assert_int_equal(read_all(toc.data, toc.len, &l), 0);
	assert_int_equal(l->count, 0);
}

static void test_finish_appends(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	autobuf toc = BUF_INIT;

	(void)state;
	buf_puts(&toc, "before");
	write_all(samples, SAMPLES, &toc);
	assert_memory_equal(toc.data, "before", 6);
	assert_int_equal(read_all(toc.data + 6, toc.len - 6, &l), 0);
	assert_int_equal(l->count, SAMPLES);
}

/* 60,000 entries of a made-up layer, more than one chunk of the stream, at 16 bytes each. */
static void test_large_layer_is_compact(void **state)
{
	AUTO(toc_writer_close) struct toc_writer *w = NULL;
	AUTO(toc_reader_close) struct toc_reader *r = NULL;
	autobuf toc = BUF_INIT;
	struct entry e = {.link = "", .mode = S_IFREG | 0644, .data = 512};
	char path[64];
	struct err err;

	(void)state;
	assert_int_equal(toc_writer_open(&w, &err), 0);
	for (uint32_t i = 0; i < 60000; i++) {
		e.path = path;
		e.path_len = (size_t)snprintf(path, sizeof(path), "usr/lib/d%u/f%u", i / 100, i);
		e.size = e.stored = i * 2654435761u % 50000;
		assert_int_equal(toc_writer_add(w, &e, &err), 0);
		e.data += ((e.size + 511) & ~511ull) + 512;
	}
	assert_int_equal(toc_writer_finish(w, &toc, &err), 0);
	assert_true(toc.len < 60000 * 16);
	assert_int_equal(toc_reader_open(toc.data, toc.len, &r, &err), 0);
	for (uint32_t i = 0; i < 60000; i++) {
		assert_int_equal(toc_reader_next(r, &e, &err), TOC_ENTRY);
		snprintf(path, sizeof(path), "usr/lib/d%u/f%u", i / 100, i);
		assert_string_equal(e.path, path);
		assert_int_equal(e.size, i * 2654435761u % 50000);
	}
	assert_int_equal(toc_reader_next(r, &e, &err), TOC_END);
}

static void test_cut_stream_is_refused(void **state)
{
	autobuf toc = BUF_INIT;

	(void)state;
	write_all(samples, SAMPLES, &toc);
	for (size_t len = 0; len < toc.len; len++) {
		AUTO(tar_list_close) struct tar_list *l = NULL;
		void *exact = copy_bytes(toc.data, len);

		assert_int_equal(read_all(exact, len, &l), -EBADMSG);
		free(exact);
	}
}

static void test_trailing_bytes_are_refused(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	autobuf toc = BUF_INIT;

	(void)state;
	write_all(samples, SAMPLES, &toc);
	buf_putc(&toc, 'x');
	assert_int_equal(read_all(toc.data, toc.len, &l), -EBADMSG);
}

/* Whatever the bytes below the compression are: entries, an error, never a crash. */
static void test_damaged_records_do_no_harm(void **state)
{
	autobuf toc = BUF_INIT;
	char plain[4096], packed[8192];
	size_t len;

	(void)state;
	write_all(samples, SAMPLES, &toc);
	len = ZSTD_decompress(plain, sizeof(plain), toc.data, toc.len);
	assert_false(ZSTD_isError(len));
	for (size_t i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			AUTO(tar_list_close) struct tar_list *l = NULL;
			size_t n;
			int rc;

			plain[i] ^= (char)(1 << bit);
			n = ZSTD_compress(packed, sizeof(packed), plain, len, 1);
			plain[i] ^= (char)(1 << bit);
			rc = read_all(packed, n, &l);
			assert_true(rc == 0 || rc == -EBADMSG);
		}
	}
}

/* A record that is missing is missed, even where the stream is whole. */
static void test_count_at_the_end_holds(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	autobuf toc = BUF_INIT;
	char plain[4096], packed[8192];
	size_t len;

	(void)state;
	write_all(samples, SAMPLES, &toc);
	len = ZSTD_decompress(plain, sizeof(plain), toc.data, toc.len);
	assert_int_equal(plain[len - 1], SAMPLES);
	plain[len - 1]++;
	len = ZSTD_compress(packed, sizeof(packed), plain, len, 1);
	assert_int_equal(read_all(packed, len, &l), -EBADMSG);
}

static void test_large_window_is_refused(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	static const char frame[] = "\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"; /* a window of 1 GiB */

	(void)state;
	assert_int_equal(read_all(frame, 9, &l), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_field_comes_back),
	    cmocka_unit_test(test_empty_layer),
	    cmocka_unit_test(test_finish_appends),
	    cmocka_unit_test(test_large_layer_is_compact),
	    cmocka_unit_test(test_cut_stream_is_refused),
	    cmocka_unit_test(test_trailing_bytes_are_refused),
	    cmocka_unit_test(test_damaged_records_do_no_harm),
	    cmocka_unit_test(test_count_at_the_end_holds),
	    cmocka_unit_test(test_large_window_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
