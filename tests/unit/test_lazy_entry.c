/* SPDX-License-Identifier: MIT */
/* What a table of contents may say of one entry. */
#include "tests/unit/lazy_read.h"

static void every_type_is_taken(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;

	(void)state;
	l = list_entries(
	    LAZY_ZSTD_CHUNKED,
	    "{\"type\":\"dir\",\"name\":\"./a/\",\"mode\":493,\"uid\":1,\"gid\":2,"
	    "\"modtime\":\"2024-02-29T12:00:00.123456789Z\"},"
	    "{\"type\":\"reg\",\"name\":\"/a/f\",\"mode\":33188,\"size\":10,\"offset\":100,"
	    "\"endOffset\":200,\"digest\":" SHA ",\"modtime\":\"2024-02-29T13:00:00+01:00\","
	    "\"xattrs\":{\"user.b\":\"AAEC\",\"user.a\":\"\",\"user.A\":\"YQ==\"}},"
	    "{\"type\":\"reg\",\"name\":\"a/empty\",\"mode\":420},"
	    "{\"type\":\"symlink\",\"name\":\"a/s\",\"linkName\":\"../x/\",\"mode\":511},"
	    "{\"type\":\"hardlink\",\"name\":\"a/h\",\"linkName\":\"./a//f\",\"mode\":420},"
	    "{\"type\":\"char\",\"name\":\"c\",\"devMajor\":1,\"devMinor\":3},"
	    "{\"type\":\"block\",\"name\":\"b\",\"devMajor\":8},"
	    "{\"type\":\"fifo\",\"name\":\"p\",\"modtime\":\"0001-01-01T00:00:00Z\"},"
	    "{\"type\":\"reg\",\"name\":\"a/.wh.gone\",\"mode\":0}");
	assert_int_equal(l->count, 9);
	assert_entry(&l->items[0], "a", S_IFDIR | 0755, 0);
	assert_int_equal(l->items[0].e.uid, 1);
	assert_int_equal(l->items[0].e.gid, 2);
	assert_int_equal(l->items[0].e.mtime, 1709208000);
	assert_int_equal(l->items[0].e.mtime_ns, 123456789);
	assert_entry(&l->items[1], "a/f", S_IFREG | 0644, 10);
	assert_int_equal(l->items[1].e.mtime, 1709208000);
	assert_int_equal(l->items[1].e.stored, 10);
	assert_int_equal(l->items[1].e.xattr_count, 3);
	assert_xattr(&l->items[1], 0, "user.b", "\0\1\2", 3);
	assert_xattr(&l->items[1], 1, "user.a", "", 0);
	assert_xattr(&l->items[1], 2, "user.A", "a", 1);
	assert_entry(&l->items[2], "a/empty", S_IFREG | 0644, 0);
	assert_entry(&l->items[3], "a/s", S_IFLNK | 0777, 5);
	assert_string_equal(l->items[3].e.link, "../x/");
	assert_entry(&l->items[4], "a/h", 0644, 0);
	assert_string_equal(l->items[4].e.link, "a/f");
	assert_entry(&l->items[5], "c", S_IFCHR, 0);
	assert_int_equal(l->items[5].e.dev_major, 1);
	assert_int_equal(l->items[5].e.dev_minor, 3);
	assert_entry(&l->items[6], "b", S_IFBLK, 0);
	assert_int_equal(l->items[6].e.dev_major, 8);
	assert_entry(&l->items[7], "p", S_IFIFO, 0);
	assert_int_equal(l->items[7].e.mtime, 0);
	assert_entry(&l->items[8], "a/.wh.gone", S_IFREG, 0);
}

static void an_entry_that_nobody_writes_is_refused(void **state)
{
	static const struct hostile bad[] = {
	    {"{}", "it has no name", EBADMSG},
	    {"{\"type\":\"reg\"}", "it has no name", EBADMSG},
	    {"{\"name\":\"f\"}", "\"f\": an unknown type \"\"", EBADMSG},
	    {E("socket", ""), "an unknown type \"socket\"", EBADMSG},
	    {E("Reg", ""), "an unknown type \"Reg\"", EBADMSG},
	    {"{\"name\":\"f\",\"type\":1}", "an unknown type", EBADMSG},
	    {"{\"name\":1,\"type\":\"dir\"}", "\"name\" is no string", EBADMSG},
	    {"{\"name\":\"a\\u0000b\",\"type\":\"dir\"}", "has a NUL", EBADMSG},
	    {"{\"name\":\"a\\ufffdb\",\"type\":\"dir\"}", "was not UTF-8", EOPNOTSUPP},
	    {E("dir", ",\"mode\":-1"), "\"mode\" is negative", EBADMSG},
	    {E("dir", ",\"mode\":1.5"), "\"mode\" is missing or no whole number", EBADMSG},
	    {E("dir", ",\"mode\":\"755\""), "no whole number", EBADMSG},
	    {E("dir", ",\"uid\":-1"), "\"uid\" is negative", EBADMSG},
	    {E("dir", ",\"uid\":4294967296"), "\"uid\" is too large", EBADMSG},
	    {E("dir", ",\"gid\":18446744073709551615"), "\"gid\" is too large", EBADMSG},
	    {E("char", ",\"devMajor\":4294967296"), "\"devMajor\" is too large", EBADMSG},
	    {E("block", ",\"devMinor\":-1"), "\"devMinor\" is negative", EBADMSG},
	    {E("dir", ",\"modtime\":\"yesterday\""), "not a time of RFC 3339", EBADMSG},
	    {E("dir", ",\"modtime\":\"2024-02-30T00:00:00Z\""), "not a time", EBADMSG},
	    {E("dir", ",\"modtime\":5"), "\"modtime\" is no string", EBADMSG},
	    {E("symlink", ""), "a link to nothing", EBADMSG},
	    {E("hardlink", ",\"linkName\":\"\""), "a link to nothing", EBADMSG},
	    {E("symlink", ",\"linkName\":\"a\\ufffd\""), "was not UTF-8", EOPNOTSUPP},
	    {E("symlink", ",\"linkName\":{}"), "\"linkName\" is no string", EBADMSG},
	    {E("dir", ",\"xattrs\":[]"), "\"xattrs\" is no object", EBADMSG},
	    {E("dir", ",\"xattrs\":{\"\":\"\"}"), "with a name of 0 bytes", EBADMSG},
	    {E("dir", ",\"xattrs\":{\"user.a\":\"?\"}"), "user.a is not base64", EBADMSG},
	    {E("dir", ",\"xattrs\":{\"user.a\":\"A\"}"), "user.a is not base64", EBADMSG},
	    {E("dir", ",\"xattrs\":{\"user.a\":1}"), "user.a is not base64", EBADMSG},
	    {E("dir", ",\"xattrs\":{\"user.\\ufffd\":\"\"}"), "was not UTF-8", EOPNOTSUPP},
	    {E("dir", ",\"xattrs\":{\"a\":\"\",\"a\":\"\"}"), "duplicate key", EBADMSG},
	    {E("dir", ",\"Mode\":1,\"mode\":2"), "duplicate key", EBADMSG},
	    {REG(",\"size\":-1"), "\"size\" is negative", EBADMSG},
	    {REG(",\"size\":9223372036854775808"), "\"size\" is too large", EBADMSG},
	};

	(void)state;
	assert_all(LAZY_ESTARGZ, bad, COUNT(bad));
	assert_all(LAZY_ZSTD_CHUNKED, bad, COUNT(bad));
}

/* `name` is `count` times `piece`. */
static void assert_name(const char *type, const char *piece, size_t count, const char *why)
{
	autobuf entry = BUF_INIT, name = BUF_INIT;
	struct err err = {0};
	int r;

	for (size_t i = 0; i < count; i++)
		buf_puts(&name, piece);
	buf_printf(&entry, "{\"type\":\"%s\",\"name\":\"%s\",\"linkName\":\"%s\"}", type,
		   strcmp(type, "dir") == 0 ? name.data : "f", name.data);
	r = read_entries(LAZY_ESTARGZ, entry.data, NULL, &err);
	if (r != (why ? -EBADMSG : 0) || (why && !strstr(err.text, why)))
		fail_msg("%s: %d %s", type, r, err.text);
}

static void names_keep_the_limits_of_entries(void **state)
{
	(void)state;
	assert_name("dir", "a", 255, NULL);
	assert_name("dir", "a", 256, "the path has a name of more than 255 bytes");
	assert_name("dir", "/ab", 1024, NULL);
	assert_name("dir", "/ab", 1025, "the path is deeper than 1024 directories");
	assert_name("dir", "/abcdefg", 513, "the path has more than 4096 bytes");
	assert_name("dir", "/", 5000, NULL); /* the root */
	assert_name("dir", "../", 5, NULL);  /* whoever merges has nothing of it */
	assert_name("hardlink", "a", 256, "the link has a name of more than 255 bytes");
	assert_name("hardlink", "/abcdefg", 513, "the link has more than 4096 bytes");
	assert_name("symlink", "a", 4096, NULL);
	assert_name("symlink", "a", 4097, "the link has more than 4096 bytes");
}

static void attributes_keep_the_limits_of_entries(void **state)
{
	autobuf many = BUF_INIT, one = BUF_INIT, name = BUF_INIT;
	struct err err;

	(void)state;
	buf_puts(&many, "{\"type\":\"dir\",\"name\":\"f\",\"xattrs\":{\"user\":null");
	for (int i = 1; i < ENTRY_XATTRS_MAX; i++)
		buf_printf(&many, ",\"user.%d\":\"\"", i);
	buf_puts(&many, "}}");
	assert_int_equal(read_entries(LAZY_ESTARGZ, many.data, NULL, &err), 0);
	many.len -= 2;
	buf_puts(&many, ",\"user.x\":\"\"}}");
	assert_int_equal(read_entries(LAZY_ESTARGZ, many.data, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "more than 128 extended attributes"));

	buf_puts(&one, "{\"type\":\"dir\",\"name\":\"f\",\"xattrs\":{\"user.a\":\"");
	for (int i = 0; i < ENTRY_XATTR_MAX; i += 3)
		buf_puts(&one, "AAAA");
	buf_puts(&one, "\"}}");
	assert_int_equal(read_entries(LAZY_ESTARGZ, one.data, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "user.a has over 65536 bytes"));

	buf_puts(&name, "{\"type\":\"dir\",\"name\":\"f\",\"xattrs\":{\"");
	for (int i = 0; i < 256; i++)
		buf_puts(&name, "x");
	buf_puts(&name, "\":\"\"}}");
	assert_int_equal(read_entries(LAZY_ESTARGZ, name.data, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "a name of 256 bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_is_taken),
	    cmocka_unit_test(an_entry_that_nobody_writes_is_refused),
	    cmocka_unit_test(names_keep_the_limits_of_entries),
	    cmocka_unit_test(attributes_keep_the_limits_of_entries),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
