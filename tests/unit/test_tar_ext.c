/* SPDX-License-Identifier: MIT */
/* Extension headers: pax records, GNU long names, extended attributes. */
#include "store/tar/tar.h"

#include "tests/unit/tar_make.h"

#include <sys/stat.h>

#define LONG_NAME                                                                                  \
	"a-name/that/is-longer-than-a-hundred-bytes/0123456789/0123456789/0123456789/0123456789/"  \
	"0123456789/x"

static void test_pax_overrides_the_header(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_pax(&m, 'x',
		 (const char *const[]){"path=" LONG_NAME, "size=5", "uid=3000000", "gid=4000000000",
				       "mtime=12.5", "comment=x", NULL});
	make_header(&m, &(struct tar_fields){.name = "short", .size = 1, .uid = 1});
	make_data(&m, "12345", 5);
	make_header(&m, &(struct tar_fields){.name = "next", .uid = 1});
	l = list_of(&m);
	assert_int_equal(l->count, 2);
	assert_entry(&l->items[0], LONG_NAME, S_IFREG | 0644, 5);
	assert_int_equal(l->items[0].e.uid, 3000000);
	assert_int_equal(l->items[0].e.gid, 4000000000);
	assert_int_equal(l->items[0].e.mtime, 12);
	assert_int_equal(l->items[0].e.mtime_ns, 500000000);
	assert_entry(&l->items[1], "next", S_IFREG | 0644, 0);
	assert_int_equal(l->items[1].e.uid, 1);
	assert_int_equal(l->items[1].e.mtime_ns, 0);
}

static void test_pax_times(void **state)
{
	static const struct {
		const char *record;
		int64_t seconds;
		uint32_t ns;
	} cases[] = {
	    {"mtime=1", 1, 0},
	    {"mtime=1.", 1, 0},
	    {"mtime=1.000000001", 1, 1},
	    {"mtime=1.0000000019999", 1, 1},
	    {"mtime=-1", -1, 0},
	    {"mtime=-1.25", -2, 750000000},
	    {"mtime=-0.5", -1, 500000000},
	    {"mtime=9223372036854775807", INT64_MAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(tar_list_close) struct tar_list *l = NULL;
		struct tar_make m = {0};

		make_pax(&m, 'x', (const char *const[]){cases[i].record, NULL});
		make_header(&m, &(struct tar_fields){.name = "a", .mtime = 99});
		l = list_of(&m);
		assert_true(l->items[0].e.mtime == cases[i].seconds);
		assert_int_equal(l->items[0].e.mtime_ns, cases[i].ns);
	}
}

static void test_malformed_pax_is_refused(void **state)
{
	static const char *const payloads[] = {"5",
					       "5 \n",
					       "6 a=b",
					       "7 a=b\nx",
					       "6 a=b\n9 ",
					       "06 =bc\n",
					       "6 abc\n",
					       "600 a=b\n",
					       "-6 a=b\n",
					       "99999999999999999999 a=b\n",
					       "x6 a=b\n",
					       "10 size=x\n",
					       "10 size=-\n",
					       "11 size=-1\n",
					       "26 size=9223372036854775808\n",
					       "12 mtime=1x\n",
					       "14 mtime=1.2x\n",
					       "12 mtime=.5\n",
					       "10 uid=-1\n",
					       "19 gid=4294967296\n",
					       "11 uid=1.0\n",
					       "18 SCHILY.xattr.=\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		struct tar_make m = {0};

		make_extension(&m, 'x', payloads[i], strlen(payloads[i]));
		make_header(&m, &(struct tar_fields){.name = "a"});
		make_end(&m);
		assert_refused(&m, "");
	}
}

static void test_nul_in_pax_names_is_refused(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} payloads[] = {{"12 path=a\0b\n", 12}, {"16 linkpath=a\0b\n", 16}, {"8 a\0b=c\n", 8}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct tar_make m = {0};

		make_extension(&m, 'x', payloads[i].data, payloads[i].len);
		make_header(&m, &(struct tar_fields){.name = "a"});
		assert_refused(&m, "pax record");
	}
}

static void test_last_pax_record_and_header_count(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_pax(&m, 'x', (const char *const[]){"path=lost", "uid=5", NULL});
	make_pax(&m, 'x', (const char *const[]){"path=first", "path=second", NULL});
	make_header(&m, &(struct tar_fields){.name = "a", .uid = 1});
	make_pax(&m, 'x', (const char *const[]){"path=x", "path=", "size=", NULL});
	make_header(&m, &(struct tar_fields){.name = "kept"});
	l = list_of(&m);
	assert_string_equal(l->items[0].e.path, "second");
	assert_int_equal(l->items[0].e.uid, 1);
	assert_string_equal(l->items[1].e.path, "kept");
}

static void test_global_headers_are_checked_and_ignored(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0}, bad = {0};

	(void)state;
	make_pax(&m, 'x', (const char *const[]){"path=lost", NULL});
	make_pax(&m, 'g', (const char *const[]){"mtime=5", "size=7", "comment=c", NULL});
	make_header(&m, &(struct tar_fields){.name = "a", .mtime = 3});
	l = list_of(&m);
	assert_entry(&l->items[0], "a", S_IFREG | 0644, 0);
	assert_int_equal(l->items[0].e.mtime, 3);
	make_extension(&bad, 'g', "nonsense", 8);
	assert_refused(&bad, "pax record");
}

static void test_gnu_long_names(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_extension(&m, 'L', "./" LONG_NAME "\0junk", sizeof(LONG_NAME) + 6);
	make_extension(&m, 'K', LONG_NAME "/target", sizeof(LONG_NAME) + 7);
	make_pax(&m, 'x', (const char *const[]){"path=less", "linkpath=less", NULL});
	make_header(&m,
		    &(struct tar_fields){.type = '2', .name = "n", .link = "l", .format = "gnu"});
	make_header(&m,
		    &(struct tar_fields){.type = '2', .name = "n", .link = "l", .format = "gnu"});
	l = list_of(&m);
	assert_int_equal(l->count, 2);
	assert_string_equal(l->items[0].e.path, LONG_NAME);
	assert_string_equal(l->items[0].e.link, LONG_NAME "/target");
	assert_string_equal(l->items[1].e.path, "n");
	assert_string_equal(l->items[1].e.link, "l");
}

static void test_extension_bombs_are_refused(void **state)
{
	static const char types[] = "xgLK";

	(void)state;
	for (const char *type = types; *type; type++) {
		struct tar_make m = {0};

		make_header(
		    &m, &(struct tar_fields){.type = *type, .name = "bomb", .size = (1 << 20) + 1});
		assert_refused(&m, "extension header of");
	}
}

static void test_extension_without_an_entry_is_refused(void **state)
{
	struct tar_make m = {0};

	(void)state;
	make_pax(&m, 'x', (const char *const[]){"path=lost", NULL});
	assert_refused(&m, "middle");
}

static void test_xattrs(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};
	static const char capability[] = "36 SCHILY.xattr.security.cap=\1\0\0\2=\n\n";

	(void)state;
	make_extension(&m, 'x', capability, sizeof(capability) - 1);
	make_header(&m, &(struct tar_fields){.name = "a"});
	make_pax(&m, 'x',
		 (const char *const[]){
		     "SCHILY.xattr.user.empty=1", "LIBARCHIVE.xattr.user.b=AAEC/w",
		     "LIBARCHIVE.xattr.user.c=*", "SCHILY.xattr.user.e=plain",
		     "LIBARCHIVE.xattr.user.e=AAAA", "SCHILY.xattr.user.empty=", NULL});
	make_header(&m, &(struct tar_fields){.name = "b"});
	make_header(&m, &(struct tar_fields){.name = "c"});
	l = list_of(&m);
	assert_int_equal(l->items[0].e.xattr_count, 1);
	assert_xattr(&l->items[0], 0, "security.cap", "\1\0\0\2=\n", 6);
	assert_int_equal(l->items[1].e.xattr_count, 2); /* no container tool reads libarchive's */
	assert_xattr(&l->items[1], 0, "user.empty", "", 0);
	assert_xattr(&l->items[1], 1, "user.e", "plain", 5);
	assert_int_equal(l->items[2].e.xattr_count, 0);
}

static void test_xattr_bombs_are_refused(void **state)
{
	struct tar_make many = {0}, large = {0}, name = {0};
	autobuf records = BUF_INIT, record = BUF_INIT;

	(void)state;
	for (int i = 0; i < 129; i++) {
		buf_reset(&record);
		buf_printf(&record, "SCHILY.xattr.user.%d=x", i);
		make_record(&records, record.data);
	}
	make_extension(&many, 'x', records.data, records.len);
	assert_refused(&many, "more than");

	buf_reset(&record);
	buf_printf(&record, "SCHILY.xattr.user.x=%065537d", 0);
	make_pax(&large, 'x', (const char *const[]){record.data, NULL});
	assert_refused(&large, "over");

	buf_reset(&record);
	buf_printf(&record, "SCHILY.xattr.%0256d=", 0);
	make_pax(&name, 'x', (const char *const[]){record.data, NULL});
	assert_refused(&name, "256 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pax_overrides_the_header),
	    cmocka_unit_test(test_pax_times),
	    cmocka_unit_test(test_malformed_pax_is_refused),
	    cmocka_unit_test(test_nul_in_pax_names_is_refused),
	    cmocka_unit_test(test_last_pax_record_and_header_count),
	    cmocka_unit_test(test_global_headers_are_checked_and_ignored),
	    cmocka_unit_test(test_gnu_long_names),
	    cmocka_unit_test(test_extension_bombs_are_refused),
	    cmocka_unit_test(test_extension_without_an_entry_is_refused),
	    cmocka_unit_test(test_xattrs),
	    cmocka_unit_test(test_xattr_bombs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
