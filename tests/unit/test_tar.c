/* SPDX-License-Identifier: MIT */
/* store/tar/tar.h on headers made by hand: one rule of the formats a test. */
#include "store/tar/tar.h"

#include "tests/unit/tar_make.h"

#include <sys/stat.h>

static void test_ustar_fields(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_header(&m, &(struct tar_fields){.name = "./usr//bin/./sh",
					     .mode = 0104755,
					     .uid = 7,
					     .gid = 8,
					     .size = 3,
					     .mtime = 1000});
	make_data(&m, "abc", 3);
	make_header(&m, &(struct tar_fields){
			    .type = '2', .name = "/etc/x", .link = "./../a//b/", .mode = 0777});
	make_header(&m, &(struct tar_fields){
			    .type = '3', .name = "dev/null", .dev_major = 1, .dev_minor = 3});
	make_header(&m, &(struct tar_fields){.type = '5', .name = "./", .mode = 01777});
	make_header(&m, &(struct tar_fields){.type = '1', .name = "h", .link = "./usr/bin//sh"});
	make_header(&m, &(struct tar_fields){.type = '6', .name = "pipe"});
	make_header(&m, &(struct tar_fields){.type = '4', .name = "sda", .dev_major = 8});
	make_header(&m, &(struct tar_fields){.type = '7', .name = "contiguous"});
	make_end(&m);
	l = list_of(&m);
	assert_int_equal(l->count, 8);
	assert_entry(&l->items[0], "usr/bin/sh", S_IFREG | 04755, 3);
	assert_int_equal(l->items[0].e.uid, 7);
	assert_int_equal(l->items[0].e.gid, 8);
	assert_int_equal(l->items[0].e.mtime, 1000);
	assert_int_equal(l->items[0].e.data, 512);
	assert_int_equal(l->items[0].e.stored, 3);
	assert_entry(&l->items[1], "etc/x", S_IFLNK | 0777, 10);
	assert_string_equal(l->items[1].e.link, "./../a//b/");
	assert_entry(&l->items[2], "dev/null", S_IFCHR | 0644, 0);
	assert_int_equal(l->items[2].e.dev_major, 1);
	assert_int_equal(l->items[2].e.dev_minor, 3);
	assert_entry(&l->items[3], "", S_IFDIR | 01777, 0);
	assert_entry(&l->items[4], "h", 0644, 0);
	assert_string_equal(l->items[4].e.link, "usr/bin/sh");
	assert_entry(&l->items[5], "pipe", S_IFIFO | 0644, 0);
	assert_entry(&l->items[6], "sda", S_IFBLK | 0644, 0);
	assert_entry(&l->items[7], "contiguous", S_IFREG | 0644, 0);
}

static void test_dotdot_is_left_to_the_merger(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_header(&m, &(struct tar_fields){.name = "../a/./../b"});
	l = list_of(&m);
	assert_entry(&l->items[0], "../a/../b", S_IFREG | 0644, 0);
}

static void test_prefix_joins_name(void **state)
{
	static const char *const formats[] = {"ustar", "star", "v7", "gnu"};
	static const char *const names[] = {"pre/fix/name", "pre/fix/name", "name", "pre/fix/name"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		AUTO(tar_list_close) struct tar_list *l = NULL;
		struct tar_make m = {0};

		make_header(&m, &(struct tar_fields){
				    .name = "name", .prefix = "pre/fix", .format = formats[i]});
		l = list_of(&m);
		assert_entry(&l->items[0], names[i], S_IFREG | 0644, 0);
	}
}

static void test_gnu_times_are_no_prefix(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_header(&m, &(struct tar_fields){.name = "name",
					     .prefix = "00000000017\00000000000017",
					     .format = "gnu"});
	l = list_of(&m);
	assert_entry(&l->items[0], "name", S_IFREG | 0644, 0);
}

static void test_v7_directory_by_its_slash(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_header(
	    &m, &(struct tar_fields){.type = TYPE_NUL, .name = "dir/", .format = "v7", .size = 77});
	make_header(&m, &(struct tar_fields){.type = TYPE_NUL, .name = "file", .format = "v7"});
	make_header(&m, &(struct tar_fields){.type = '0', .name = "slash/"});
	l = list_of(&m);
	assert_int_equal(l->count, 3);
	assert_entry(&l->items[0], "dir", S_IFDIR | 0644, 0);
	assert_entry(&l->items[1], "file", S_IFREG | 0644, 0);
	assert_entry(&l->items[2], "slash", S_IFREG | 0644, 0);
}

static void test_signed_checksums_count(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_header(&m, &(struct tar_fields){.name = "caf\xe9", .signed_sum = true});
	make_header(&m, &(struct tar_fields){.name = "caf\xe9"});
	l = list_of(&m);
	assert_int_equal(l->count, 2);
	assert_string_equal(l->items[0].e.path, "caf\xe9");
}

static void test_wrong_checksum_is_refused(void **state)
{
	struct tar_make m = {0};

	(void)state;
	make_header(&m, &(struct tar_fields){.name = "a"});
	m.buf.data[0] = 'b';
	assert_refused(&m, "checksum");
}

static void test_numbers(void **state)
{
	static const struct {
		const char *field;
		size_t len;
		bool good;
		int64_t value;
	} cases[] = {
	    {"0000644\0", 8, true, 0644},
	    {" 644 \0\0\0", 8, true, 0644},
	    {"\0\0\0\0\0\0\0\0", 8, true, 0},
	    {"        ", 8, true, 0},
	    {"\0 644\0\0\0", 8, true, 0644},
	    {"644\0x\0\0\0", 8, true, 0644},
	    {"00 0644\0", 8, false, 0},
	    {"-1\0\0\0\0\0\0", 8, false, 0},
	    {"0000008\0", 8, false, 0},
	    {"0x1\0\0\0\0\0", 8, false, 0},
	    {"777777777777", 12, true, 0777777777777},
	    {"\x80\0\0\0\0\0\x01\0", 8, true, 256},
	    {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, true, -1},
	    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12, true, -2},
	    {"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, true, INT64_MAX},
	    {"\x80\0\0\0\x80\0\0\0\0\0\0\0", 12, false, 0},
	    {"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12, true, INT64_MIN},
	    {"\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 12, false, 0},
	    {"\x80\x01\0\0\0\0\0\0\0\0\0\0", 12, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t value = 0;

		assert_int_equal(
		    tar_header_number((const uint8_t *)cases[i].field, cases[i].len, &value),
		    cases[i].good);
		if (cases[i].good)
			assert_true(value == cases[i].value);
	}
}

static void test_end_marker_and_what_follows(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_header(&m, &(struct tar_fields){.name = "a"});
	make_end(&m);
	buf_puts(&m.buf, "garbage that no reader looks at");
	l = list_of(&m);
	assert_int_equal(l->count, 1);
}

static void test_ends_that_are_accepted(void **state)
{
	struct tar_make m = {0};

	(void)state;
	for (int i = 0; i < 4; i++) {
		AUTO(tar_list_close) struct tar_list *l = NULL;

		make_header(&m, &(struct tar_fields){.name = "a", .size = 3});
		buf_append(&m.buf, "abc", 3); /* 0: the padding is missing */
		if (i == 1)
			buf_append(&m.buf, "\0\0", 2); /* … in part */
		if (i >= 2)
			make_zeros(&m, 509); /* no end marker */
		if (i == 3)
			make_zeros(&m, 512); /* half of one */
		l = list_of(&m);
		assert_int_equal(l->count, 1);
	}
}

static void test_header_behind_a_zero_block_is_refused(void **state)
{
	struct tar_make m = {0};

	(void)state;
	make_zeros(&m, 512);
	make_header(&m, &(struct tar_fields){.name = "a"});
	assert_refused(&m, "zeros");
}

static void test_cut_data_is_refused(void **state)
{
	struct tar_make m = {0};

	(void)state;
	make_header(&m, &(struct tar_fields){.name = "a", .size = 3});
	buf_append(&m.buf, "ab", 2);
	assert_refused(&m, "middle");
}

static void test_unknown_types_are_skipped_with_their_data(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_pax(&m, 'x', (const char *const[]){"size=600", "path=volume", NULL});
	make_header(&m, &(struct tar_fields){.type = 'V', .name = "label", .size = 3});
	make_zeros(&m, 1024);
	make_header(&m, &(struct tar_fields){.name = "a"});
	l = list_of(&m);
	assert_int_equal(l->count, 1);
	assert_string_equal(l->items[0].e.path, "a");
}

static void test_numbers_out_of_range_are_refused(void **state)
{
	struct tar_make uid = {0}, size = {0}, device = {0};

	(void)state;
	make_header(&uid, &(struct tar_fields){.name = "a", .uid = -1, .format = "gnu"});
	assert_refused(&uid, "uid -1");
	make_header(&size, &(struct tar_fields){.name = "a", .size = -1, .format = "gnu"});
	assert_refused(&size, "size -1");
	make_header(&device,
		    &(struct tar_fields){
			.type = '3', .name = "a", .dev_major = 1LL << 32, .format = "gnu"});
	assert_refused(&device, "device");
}

static void test_negative_mtime(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_header(&m, &(struct tar_fields){.name = "a", .mtime = -7, .format = "gnu"});
	l = list_of(&m);
	assert_int_equal(l->items[0].e.mtime, -7);
}

static int refuse(void *arg, const struct entry *e, struct err *err)
{
	(void)arg;
	return err_set(err, ENOSPC, "no room for %s", e->path);
}

static void test_error_of_the_callback_ends_the_parsing(void **state)
{
	AUTO(tar_close) struct tar *t = NULL;
	struct tar_make m = {0};
	struct err err;

	(void)state;
	make_header(&m, &(struct tar_fields){.name = "a"});
	assert_int_equal(tar_open(refuse, NULL, &t, &err), 0);
	assert_int_equal(tar_feed(t, m.buf.data, m.buf.len, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "no room for a"));
	assert_int_equal(tar_feed(t, m.buf.data, m.buf.len, &err), -ENOSPC);
	assert_int_equal(tar_finish(t, &err), -ENOSPC);
	buf_free(&m.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ustar_fields),
	    cmocka_unit_test(test_dotdot_is_left_to_the_merger),
	    cmocka_unit_test(test_prefix_joins_name),
	    cmocka_unit_test(test_gnu_times_are_no_prefix),
	    cmocka_unit_test(test_v7_directory_by_its_slash),
	    cmocka_unit_test(test_signed_checksums_count),
	    cmocka_unit_test(test_wrong_checksum_is_refused),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_end_marker_and_what_follows),
	    cmocka_unit_test(test_ends_that_are_accepted),
	    cmocka_unit_test(test_header_behind_a_zero_block_is_refused),
	    cmocka_unit_test(test_cut_data_is_refused),
	    cmocka_unit_test(test_unknown_types_are_skipped_with_their_data),
	    cmocka_unit_test(test_numbers_out_of_range_are_refused),
	    cmocka_unit_test(test_negative_mtime),
	    cmocka_unit_test(test_error_of_the_callback_ends_the_parsing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
