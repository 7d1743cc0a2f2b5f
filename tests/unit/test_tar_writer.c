/* SPDX-License-Identifier: MIT */
#include "store/tar/tar_writer.h"

#include "store/base/mem.h"
#include "store/tar/tar.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

static const struct entry *wanted;
static int seen;

static int compare(void *arg, const struct entry *e, struct err *err)
{
	(void)arg;
	(void)err;
	seen++;
	assert_int_equal(e->path_len, wanted->path_len);
	assert_memory_equal(e->path, wanted->path, e->path_len);
	assert_int_equal(e->link_len, wanted->link_len);
	assert_memory_equal(e->link, wanted->link, e->link_len);
	assert_int_equal(e->mode, wanted->mode);
	assert_int_equal(e->uid, wanted->uid);
	assert_int_equal(e->gid, wanted->gid);
	assert_int_equal(e->size, S_ISLNK(e->mode) ? wanted->link_len : wanted->size);
	assert_int_equal(e->mtime, wanted->mtime);
	assert_int_equal(e->mtime_ns, wanted->mtime_ns);
	if (S_ISCHR(e->mode) || S_ISBLK(e->mode)) {
		assert_int_equal(e->dev_major, wanted->dev_major);
		assert_int_equal(e->dev_minor, wanted->dev_minor);
	}
	assert_int_equal(e->xattr_count, wanted->xattr_count);
	for (uint32_t i = 0; i < e->xattr_count; i++) {
		assert_string_equal(e->xattrs[i].name, wanted->xattrs[i].name);
		assert_int_equal(e->xattrs[i].size, wanted->xattrs[i].size);
		assert_memory_equal(e->xattrs[i].value, wanted->xattrs[i].value, e->xattrs[i].size);
	}
	return 0;
}

/* Written, and read back by the parser, it is the same. */
static void assert_survives(struct entry e)
{
	autobuf out = BUF_INIT;
	AUTO(tar_close) struct tar *t = NULL;
	struct err err = {0};

	e.path_len = strlen(e.path);
	e.link = e.link ? e.link : "";
	e.link_len = strlen(e.link);
	if (tar_writer_header(&e, &out, &err))
		fail_msg("%s", err.text);
	assert_int_equal(out.len % TAR_WRITER_BLOCK, 0);
	wanted = &e;
	seen = 0;
	assert_int_equal(tar_open(compare, NULL, &t, NULL), 0);
	if (tar_feed(t, out.data, out.len, &err))
		fail_msg("%s", err.text);
	assert_int_equal(seen, 1);
}

static char *repeat(const char *text, int times)
{
	char *all = calloc(strlen(text) + 1, (size_t)times);

	assert_non_null(all);
	while (times-- > 0)
		strcat(all, text);
	return all;
}

static void every_kind_of_entry(void **state)
{
	(void)state;
	assert_survives((struct entry){.path = "a", .mode = S_IFREG | 0644, .mtime = 1});
	assert_survives((struct entry){.path = "a/b", .mode = S_IFDIR | 01777});
	assert_survives((struct entry){.path = "l", .link = "../x", .mode = S_IFLNK | 0777});
	assert_survives((struct entry){.path = "h", .link = "a/b", .mode = 0600});
	assert_survives(
	    (struct entry){.path = "c", .mode = S_IFCHR | 0600, .dev_major = 5, .dev_minor = 300});
	assert_survives((struct entry){.path = "b", .mode = S_IFBLK | 0600, .dev_major = 8});
	assert_survives((struct entry){.path = "p", .mode = S_IFIFO | 0600});
}

static void long_names_and_links(void **state)
{
	(void)state;
	for (int n = 1; n < 60; n++) {
		autofree char *path = repeat("directory/", n);
		autofree char *link = repeat("x/yz", 10 * n);
		char text[1024];

		snprintf(text, sizeof(text), "%sname-%0*d", path, n, 1);
		assert_survives((struct entry){.path = text, .mode = S_IFREG | 0600});
		assert_survives((struct entry){.path = text, .mode = S_IFDIR | 0700});
		assert_survives((struct entry){.path = "l", .link = link, .mode = S_IFLNK | 0777});
		assert_survives((struct entry){.path = "h", .link = link, .mode = 0644});
	}
}

static void numbers_beyond_octal_digits(void **state)
{
	static const uint32_t ids[] = {0, 07777777, 010000000, UINT32_MAX - 1};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_survives((struct entry){
		    .path = "a", .mode = S_IFREG | 0600, .uid = ids[i], .gid = ids[i]});
	assert_survives(
	    (struct entry){.path = "a", .mode = S_IFREG | 0600, .size = UINT64_C(1) << 33});
	assert_survives(
	    (struct entry){.path = "a", .mode = S_IFREG | 0600, .size = UINT64_C(1) << 40});
}

static void times_of_all_sorts(void **state)
{
	static const struct {
		int64_t seconds;
		uint32_t ns;
	} times[] = {{0, 0},	     {0, 1},	      {1, 999999999}, {1700000000, 123456700},
		     {-1, 0},	     {-1, 500000000}, {-2, 1},	      {-1000000000, 999999999},
		     {1LL << 33, 0}, {1LL << 40, 7}};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_survives((struct entry){.path = "a",
					       .mode = S_IFREG | 0600,
					       .mtime = times[i].seconds,
					       .mtime_ns = times[i].ns});
}

/* Lengths at which the record's own length gets one digit more. An empty value cannot be said: to
 * pax it takes a record back. */
static void xattrs_of_all_lengths(void **state)
{
	static const char value[70000];

	(void)state;
	for (uint32_t size = 1; size < 200; size++) {
		struct xattr x[] = {{"user.a", value, size}, {"security.capability", "\0\n=", 3}};

		assert_survives((struct entry){
		    .path = "a", .mode = S_IFREG | 0600, .xattrs = x, .xattr_count = 2});
	}
	for (uint32_t size = 940; size < 1000; size++) {
		struct xattr x = {"user.long", value, size};

		assert_survives((struct entry){
		    .path = "a", .mode = S_IFREG | 0600, .xattrs = &x, .xattr_count = 1});
	}
}

static void what_tar_does_not_know(void **state)
{
	struct entry e = {.path = "s", .path_len = 1, .link = "", .mode = S_IFSOCK | 0600};
	autobuf out = BUF_INIT;

	(void)state;
	assert_int_equal(tar_writer_header(&e, &out, NULL), -EINVAL);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_of_entry),	   cmocka_unit_test(long_names_and_links),
	    cmocka_unit_test(numbers_beyond_octal_digits), cmocka_unit_test(times_of_all_sorts),
	    cmocka_unit_test(xattrs_of_all_lengths),	   cmocka_unit_test(what_tar_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
