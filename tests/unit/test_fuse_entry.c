/* SPDX-License-Identifier: MIT */
/* fs/fuse/fuse_entry.h: entries and attributes in the kernel's form. */
#include "fs/fuse/fuse_entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/sysmacros.h>

#define ROOM 4096

static const struct fuse_entry file = {
    .ino = UINT64_C(7) << 32 | 9,
    .attr = {.st_ino = UINT64_C(7) << 32 | 9,
	     .st_mode = S_IFREG | S_ISUID | 0755,
	     .st_nlink = 3,
	     .st_uid = 1000,
	     .st_gid = 4000000000u,
	     .st_size = INT64_C(1) << 40,
	     .st_blocks = INT64_C(1) << 31,
	     .st_blksize = 4096,
	     .st_atim = {-1, 1},
	     .st_mtim = {INT64_C(15032385535), 999999999}, /* the last second of ext4, in 2446 */
	     .st_ctim = {INT64_C(2147483648), 0}},	   /* the first behind 32 bits, in 2038 */
    .name_timeout = 2.25,
    .timeout = 1.5,
};

static void times_behind_2038_and_before_1970_are_told(void **state)
{
	char data[ROOM];
	const struct fuse_direntplus *d = (const void *)data;
	const struct fuse_attr *a = &d->entry_out.attr;

	(void)state;
	assert_true(fuse_entry_put(data, sizeof(data), true, "name", &file, 5) > 0);
	assert_true((int64_t)a->atime == -1 && a->atimensec == 1);
	assert_true((int64_t)a->mtime == INT64_C(15032385535) && a->mtimensec == 999999999);
	assert_true((int64_t)a->ctime == INT64_C(2147483648) && a->ctimensec == 0);
	assert_true(a->size == UINT64_C(1) << 40 && a->blocks == UINT64_C(1) << 31);
	assert_true(d->entry_out.nodeid == file.ino && d->dirent.off == 5);
}

/* Where libfuse's struct stat is ours, it is to be byte for byte what libfuse would send. */
static void entries_are_those_of_libfuse(void **state)
{
	static const char *const names[] = {"", "1234567", "12345678", "a name of more bytes"};
	struct fuse_entry device = file;

	(void)state;
	if (sizeof(long) < 8)
		skip();
	device.attr.st_mode = S_IFBLK | 0600;
	device.attr.st_rdev = makedev(259, 70000);
	device.name_timeout = device.timeout = 1e9;
	for (size_t i = 0; i < 8; i++) {
		const struct fuse_entry *e = i & 1 ? &device : &file;
		const struct fuse_entry_param p = {.ino = e->ino,
						   .attr = e->attr,
						   .attr_timeout = e->timeout,
						   .entry_timeout = e->name_timeout};
		const char *name = names[i / 2];
		char ours[ROOM], theirs[ROOM];
		size_t len = fuse_entry_put(ours, ROOM, true, name, e, 77);

		assert_int_equal(fuse_add_direntry_plus(NULL, theirs, ROOM, name, &p, 77), len);
		assert_memory_equal(ours, theirs, len);
		len = fuse_entry_put(ours, ROOM, false, name, e, 77);
		assert_int_equal(fuse_add_direntry(NULL, theirs, ROOM, name, &e->attr, 77), len);
		assert_memory_equal(ours, theirs, len);
	}
}

static void an_entry_that_does_not_fit_is_left_out(void **state)
{
	char data[ROOM];

	(void)state;
	for (int plus = 0; plus < 2; plus++) {
		size_t len = fuse_entry_put(data, sizeof(data), plus, "123456789", &file, 1);

		data[len - 1] = 'x';
		assert_int_equal(fuse_entry_put(data, len - 1, plus, "123456789", &file, 1), 0);
		assert_int_equal(data[len - 1], 'x');
		assert_int_equal(fuse_entry_put(data, len, plus, "123456789", &file, 1), len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_behind_2038_and_before_1970_are_told),
	    cmocka_unit_test(entries_are_those_of_libfuse),
	    cmocka_unit_test(an_entry_that_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
