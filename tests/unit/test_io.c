/* SPDX-License-Identifier: MIT */
#include "store/base/io.h"

#include <errno.h>
#include <sys/file.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/scratch.h"

static struct scratch dir;

static int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_drop(&dir);
	return 0;
}

static void publishing_replaces_the_whole_file(void **state)
{
	struct stat st;
	char *text;

	(void)state;
	assert_int_equal(io_mkdirs(dir.fd, "a/b/c", 0700, NULL), 0);
	assert_int_equal(io_mkdirs(dir.fd, "a/b/c", 0700, NULL), 0);
	assert_int_equal(io_publish(dir.fd, "a/b/c/f", "long text", 9, 0600, NULL), 0);
	assert_int_equal(io_publish(dir.fd, "a/b/c/f", "new", 3, 0600, NULL), 0);
	text = scratch_read(&dir, "a/b/c/f", NULL);
	assert_string_equal(text, "new");
	free(text);
	assert_int_equal(fstatat(dir.fd, "a/b/c/f", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fstatat(dir.fd, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_whole_file_is_appended_up_to_the_limit(void **state)
{
	autobuf b = BUF_INIT;

	(void)state;
	scratch_puts(&dir, "f", "12345");
	buf_puts(&b, "x");
	assert_int_equal(io_read_file(dir.fd, "f", 5, &b, NULL), 0);
	assert_string_equal(b.data, "x12345");
	assert_int_equal(io_read_file(dir.fd, "f", 4, &b, NULL), -EFBIG);
	assert_int_equal(io_read_file(dir.fd, "none", 4, &b, NULL), -ENOENT);
	scratch_puts(&dir, "f", "");
	buf_reset(&b);
	assert_int_equal(io_read_file(dir.fd, "f", 4, &b, NULL), 0);
	assert_string_equal(b.data, "");
}

static void an_aborted_file_leaves_nothing(void **state)
{
	struct io_tmp t;

	(void)state;
	assert_int_equal(io_tmp_open(dir.fd, "f", 0600, &t, NULL), 0);
	assert_int_equal(strncmp(t.path, IO_TMP_PREFIX, strlen(IO_TMP_PREFIX)), 0);
	assert_true(scratch_has(&dir, t.path));
	io_tmp_abort(&t);
	assert_false(scratch_has(&dir, t.path));
	io_tmp_abort(&t);
	assert_false(scratch_has(&dir, "f"));
}

static void a_temporary_file_is_locked_while_it_is_written(void **state)
{
	struct io_tmp t;
	int fd;

	(void)state;
	assert_int_equal(io_tmp_open(dir.fd, "f", 0600, &t, NULL), 0);
	fd = openat(dir.fd, t.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(io_tmp_commit(&t, "f", NULL), 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	assert_true(scratch_has(&dir, "f"));
	assert_false(scratch_has(&dir, t.path));
	io_tmp_abort(&t);
	assert_true(scratch_has(&dir, "f"));
}

static void a_commit_may_move_to_another_directory(void **state)
{
	struct io_tmp t;

	(void)state;
	assert_int_equal(io_mkdirs(dir.fd, "from", 0700, NULL), 0);
	assert_int_equal(io_mkdirs(dir.fd, "to", 0700, NULL), 0);
	assert_int_equal(io_tmp_open(dir.fd, "from/x", 0600, &t, NULL), 0);
	assert_int_equal(io_tmp_commit(&t, "to/f", NULL), 0);
	assert_true(scratch_has(&dir, "to/f"));
}

static void missing_directories_are_made(void **state)
{
	(void)state;
	assert_int_equal(io_publish(dir.fd, "derived/trees/f", "x", 1, 0600, NULL), 0);
	assert_true(scratch_has(&dir, "derived/trees/f"));
}

static void a_commit_that_fails_leaves_no_temporary_file(void **state)
{
	struct io_tmp t;

	(void)state;
	assert_int_equal(io_tmp_open(dir.fd, "f", 0600, &t, NULL), 0);
	assert_int_equal(io_tmp_commit(&t, "none/f", NULL), -ENOENT);
	assert_false(scratch_has(&dir, t.path));
}

static void what_is_no_regular_file_below_the_directory_is_refused(void **state)
{
	(void)state;
	scratch_puts(&dir, "f", "x");
	assert_int_equal(mkdirat(dir.fd, "d", 0700), 0);
	assert_int_equal(symlinkat("f", dir.fd, "link"), 0);
	assert_int_equal(symlinkat("d", dir.fd, "dirlink"), 0);
	assert_int_equal(mkfifoat(dir.fd, "fifo", 0600), 0);
	assert_int_equal(io_open(dir.fd, "link", O_RDONLY, 0, NULL), -EBADMSG);
	assert_int_equal(io_open(dir.fd, "dirlink", O_RDONLY | O_DIRECTORY, 0, NULL), -EBADMSG);
	assert_int_equal(io_open(dir.fd, "dirlink/f", O_RDWR | O_CREAT, 0600, NULL), -EBADMSG);
	assert_int_equal(io_open(dir.fd, "fifo", O_RDONLY, 0, NULL), -EBADMSG);
	assert_int_equal(io_open(dir.fd, "d", O_RDONLY, 0, NULL), -EBADMSG);
	assert_int_equal(io_open(dir.fd, "f", O_RDONLY | O_DIRECTORY, 0, NULL), -ENOTDIR);
	assert_true(io_open(dir.fd, "../x", O_RDONLY, 0, NULL) < 0);
	assert_true(io_open(dir.fd, "/etc/passwd", O_RDONLY, 0, NULL) < 0);
	assert_true(io_publish(dir.fd, "dirlink/f", "x", 1, 0600, NULL) < 0);
	assert_false(scratch_has(&dir, "d/f"));
}

static void reads_tell_the_end_of_a_file(void **state)
{
	char data[8];
	int fd;

	(void)state;
	scratch_puts(&dir, "f", "12345");
	fd = io_open(dir.fd, "f", O_RDWR, 0, NULL);
	assert_true(fd >= 0);
	assert_int_equal(io_pread(fd, data, 8, 2, NULL), 3);
	assert_int_equal(io_pread(fd, data, 8, 5, NULL), 0);
	assert_int_equal(io_pread_all(fd, data, 5, 0, NULL), 0);
	assert_memory_equal(data, "12345", 5);
	assert_int_equal(io_pread_all(fd, data, 6, 0, NULL), -EIO);
	assert_int_equal(io_pwrite_all(fd, "ab", 2, 4, NULL), 0);
	assert_int_equal(io_pread(fd, data, 8, 0, NULL), 6);
	assert_memory_equal(data, "1234ab", 6);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(publishing_replaces_the_whole_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_whole_file_is_appended_up_to_the_limit, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(an_aborted_file_leaves_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_temporary_file_is_locked_while_it_is_written, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_commit_may_move_to_another_directory, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(missing_directories_are_made, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_commit_that_fails_leaves_no_temporary_file, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(what_is_no_regular_file_below_the_directory_is_refused,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(reads_tell_the_end_of_a_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
