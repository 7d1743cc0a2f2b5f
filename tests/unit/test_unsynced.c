/* SPDX-License-Identifier: MIT */
/* A directory that cannot be synced behind a rename: what was published stays whole, and nothing is
 * built on it. */
#include "store/base/io.h"
#include "store/disk/blob.h"
#include "store/disk/names.h"

#include <errno.h>
#include <sys/syscall.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/blob_make.h"

static int failing; /* so many calls for directories fail */

/* In the place of the C library's. */
int fsync(int fd)
{
	struct stat st;

	if (failing > 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		failing--;
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

static struct descriptor sample(void)
{
	return (struct descriptor){.media_type = "application/vnd.oci.image.manifest.v1+json",
				   .digest = digest,
				   .size = SIZE};
}

static void a_blob_that_was_renamed_stays_whole(void **state)
{
	struct blob_writer *w = writer();

	(void)state;
	failing = 1;
	assert_int_equal(complete(w, NULL), -EIO);
	assert_int_equal(failing, 0);
	assert_whole();
	blob_writer_close(w);
	assert_whole();
	assert_int_equal(blob_writer_open(store, &digest, SIZE, NULL, &w, NULL), -EEXIST);
}

static void a_small_blob_stays_whole(void **state)
{
	(void)state;
	failing = 1;
	assert_int_equal(blob_put(store, &digest, data, SIZE, NULL), -EIO);
	assert_whole();
	assert_int_equal(blob_put(store, &digest, data, SIZE, NULL), 0);
}

static void no_name_is_given_before_the_directories_are_synced(void **state)
{
	const struct descriptor d = sample();
	struct err err = {0};

	(void)state;
	failing = 2;
	assert_int_equal(blob_put(store, &digest, data, SIZE, NULL), -EIO);
	assert_int_equal(names_set(store, "h.example/a:1", &d, &err), -EIO);
	assert_non_null(strstr(err.text, "fsync the directory"));
	assert_int_equal(names_set(store, "h.example/a:1", &d, NULL), 0);
}

/* Its blobs would be deleted, and the name is back after a power cut. */
static void a_name_that_only_seems_gone_keeps_its_blobs(void **state)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	const struct descriptor d = sample();

	(void)state;
	assert_int_equal(names_set(store, "h.example/a:1", &d, NULL), 0);
	failing = 3;
	assert_int_equal(names_remove(store, "h.example/a:1", NULL), -EIO);
	assert_int_equal(store_lock(store, &lock, NULL), -EIO);
	assert_int_equal(store_lock(store, &lock, NULL), -EIO);
	assert_int_equal(store_lock(store, &lock, NULL), 0);
}

static void a_directory_is_not_there_where_its_name_is_not_durable(void **state)
{
	(void)state;
	failing = 1;
	assert_int_equal(io_mkdirs(store_dirfd(store), "new/inner", 0700, NULL), -EIO);
	assert_false(scratch_has(&dir, "new"));
	assert_int_equal(io_mkdirs(store_dirfd(store), "new/inner", 0700, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_blob_that_was_renamed_stays_whole),
	    TEST(a_small_blob_stays_whole),
	    TEST(no_name_is_given_before_the_directories_are_synced),
	    TEST(a_name_that_only_seems_gone_keeps_its_blobs),
	    TEST(a_directory_is_not_there_where_its_name_is_not_durable),
	};

	return cmocka_run_group_tests(tests, setup_data, teardown_data);
}
