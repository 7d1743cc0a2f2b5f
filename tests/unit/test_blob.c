/* SPDX-License-Identifier: MIT */
#include "store/disk/blob.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/blob_make.h"

static void a_written_blob_is_there_whole(void **state)
{
	struct blob_writer *w = writer();
	uint64_t size = 0;
	int fd;

	(void)state;
	assert_false(blob_exists(store, &digest, SIZE));
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	assert_whole();
	assert_true(blob_exists(store, &digest, SIZE));
	assert_true(blob_exists(store, &digest, BLOB_SIZE_ANY));
	assert_int_equal(blob_writer_open(store, &digest, SIZE, NULL, &w, NULL), -EEXIST);
	fd = blob_open(store, &digest, &size, NULL);
	assert_true(fd >= 0);
	assert_int_equal(size, SIZE);
	close(fd);
}

static void an_unfinished_blob_is_resumed(void **state)
{
	struct blob_writer *w = writer();
	char back[100];

	(void)state;
	assert_int_equal(blob_writer_write(w, data, 100000, NULL), 0);
	blob_writer_close(w);
	assert_false(blob_exists(store, &digest, BLOB_SIZE_ANY));
	w = writer();
	assert_int_equal(blob_writer_offset(w), 100000);
	assert_int_equal(blob_writer_read(w, back, sizeof(back), 99950, NULL), 50);
	assert_memory_equal(back, data + 99950, 50);
	assert_int_equal(blob_writer_read(w, back, sizeof(back), 100000, NULL), 0);
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	assert_whole();
}

static void a_writer_without_bytes_leaves_nothing(void **state)
{
	(void)state;
	blob_writer_close(writer());
	assert_false(scratch_has(&dir, partial));
	blob_writer_close(NULL);
}

static void wrong_bytes_are_dropped(void **state)
{
	struct blob_writer *w = writer();
	struct err err;
	int r;

	(void)state;
	assert_int_equal(blob_writer_write(w, "wrong", 5, NULL), 0);
	r = blob_writer_write(w, data + 5, SIZE - 5, NULL);
	assert_int_equal(r, 0);
	assert_int_equal(blob_writer_commit(w, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "its bytes have the digest"));
	assert_int_equal(blob_writer_offset(w), 0);
	assert_false(scratch_has(&dir, path));
	assert_int_equal(complete(w, NULL), 0); /* the next try, with the same writer */
	blob_writer_close(w);
	assert_whole();
}

static void more_or_less_than_promised_is_refused(void **state)
{
	struct blob_writer *w = writer();
	struct err err;

	(void)state;
	assert_int_equal(blob_writer_write(w, data, SIZE, NULL), 0);
	assert_int_equal(blob_writer_write(w, "x", 1, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "more bytes"));
	assert_int_equal(blob_writer_commit(w, NULL), 0);
	blob_writer_close(w);
	unlinkat(dir.fd, path, 0);
	w = writer();
	assert_int_equal(blob_writer_write(w, data, SIZE - 1, NULL), 0);
	assert_int_equal(blob_writer_commit(w, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "not the promised"));
	blob_writer_close(w);
	assert_false(scratch_has(&dir, path));
}

static void directories_deleted_meanwhile_are_made_again(void **state)
{
	struct blob_writer *w;

	(void)state;
	assert_int_equal(unlinkat(dir.fd, "partial", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dir.fd, "blobs/sha256", AT_REMOVEDIR), 0);
	w = writer();
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	assert_whole();
}

static void a_restart_drops_what_is_held(void **state)
{
	struct blob_writer *w = writer();

	(void)state;
	assert_int_equal(blob_writer_write(w, "wrong", 5, NULL), 0);
	assert_int_equal(blob_writer_restart(w, NULL), 0);
	assert_int_equal(blob_writer_offset(w), 0);
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	assert_whole();
}

static void a_partial_blob_that_is_too_long_starts_over(void **state)
{
	struct blob_writer *w;

	(void)state;
	scratch_write(&dir, partial, data, SIZE);
	w = writer();
	assert_int_equal(blob_writer_offset(w), SIZE);
	blob_writer_close(w);
	assert_int_equal(truncate(scratch_path(&dir, partial), SIZE + 1), 0);
	w = writer();
	assert_int_equal(blob_writer_offset(w), 0);
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	assert_whole();
}

static void a_partial_blob_that_is_damaged_is_found_out(void **state)
{
	struct blob_writer *w;

	(void)state;
	scratch_write(&dir, partial, "damaged", 7);
	w = writer();
	assert_int_equal(blob_writer_offset(w), 7);
	assert_int_equal(complete(w, NULL), -EBADMSG);
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	assert_whole();
}

static void a_blob_of_wrong_size_is_absent_and_replaced(void **state)
{
	struct blob_writer *w;

	(void)state;
	scratch_puts(&dir, path, "short");
	assert_false(blob_exists(store, &digest, SIZE));
	w = writer();
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	assert_whole();
}

static void small_blobs_are_put_and_read(void **state)
{
	autobuf b = BUF_INIT;
	struct digest d;

	(void)state;
	digest_of(DIGEST_SHA512, "hello", 5, &d, NULL);
	assert_int_equal(blob_put(store, &d, "hello", 5, NULL), 0);
	assert_int_equal(blob_put(store, &d, "hello", 5, NULL), 0);
	assert_int_equal(blob_put(store, &d, "hullo", 5, NULL), -EBADMSG);
	assert_int_equal(blob_read(store, &d, 5, &b, NULL), 0);
	assert_string_equal(b.data, "hello");
	assert_int_equal(blob_read(store, &d, 4, &b, NULL), -EFBIG);
	assert_int_equal(blob_read(store, &digest, 4, &b, NULL), -ENOENT);
	assert_int_equal(b.len, 5);
}

static void a_damaged_small_blob_is_not_read_and_is_repaired(void **state)
{
	autobuf b = BUF_INIT;
	struct digest d;
	char damaged[BLOB_PATH_MAX];

	(void)state;
	digest_of(DIGEST_SHA256, "hello", 5, &d, NULL);
	scratch_puts(&dir, blob_path(&d, damaged), "hullo");
	assert_int_equal(blob_read(store, &d, 100, &b, NULL), -EBADMSG);
	assert_int_equal(b.len, 0);
	assert_int_equal(blob_put(store, &d, "hello", 5, NULL), 0);
	assert_int_equal(blob_read(store, &d, 100, &b, NULL), 0);
}

static void what_is_no_regular_file_is_refused(void **state)
{
	autobuf b = BUF_INIT;

	(void)state;
	scratch_write(&dir, "elsewhere", data, SIZE);
	assert_int_equal(symlinkat("../../elsewhere", dir.fd, path), 0);
	assert_false(blob_exists(store, &digest, BLOB_SIZE_ANY));
	assert_int_equal(blob_open(store, &digest, NULL, NULL), -EBADMSG);
	assert_int_equal(blob_read(store, &digest, SIZE, &b, NULL), -EBADMSG);
	assert_int_equal(unlinkat(dir.fd, path, 0), 0);
	assert_int_equal(mkfifoat(dir.fd, path, 0600), 0);
	assert_false(blob_exists(store, &digest, BLOB_SIZE_ANY));
	assert_int_equal(blob_open(store, &digest, NULL, NULL), -EBADMSG);
}

static void an_open_blob_outlives_its_name(void **state)
{
	struct blob_writer *w = writer();
	char byte;
	int fd;

	(void)state;
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	fd = blob_open(store, &digest, NULL, NULL);
	assert_int_equal(unlinkat(dir.fd, path, 0), 0);
	assert_int_equal(pread(fd, &byte, 1, SIZE - 1), 1);
	assert_int_equal(byte, data[SIZE - 1]);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_written_blob_is_there_whole),
	    TEST(an_unfinished_blob_is_resumed),
	    TEST(a_writer_without_bytes_leaves_nothing),
	    TEST(wrong_bytes_are_dropped),
	    TEST(more_or_less_than_promised_is_refused),
	    TEST(directories_deleted_meanwhile_are_made_again),
	    TEST(a_restart_drops_what_is_held),
	    TEST(a_partial_blob_that_is_too_long_starts_over),
	    TEST(a_partial_blob_that_is_damaged_is_found_out),
	    TEST(a_blob_of_wrong_size_is_absent_and_replaced),
	    TEST(small_blobs_are_put_and_read),
	    TEST(a_damaged_small_blob_is_not_read_and_is_repaired),
	    TEST(what_is_no_regular_file_is_refused),
	    TEST(an_open_blob_outlives_its_name),
	};

	return cmocka_run_group_tests(tests, setup_data, teardown_data);
}
