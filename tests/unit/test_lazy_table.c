/* SPDX-License-Identifier: MIT */
/* What a table of contents may say, entry by entry. */
#include "store/lazy/lazy_table.h"
#include "tests/unit/lazy_make.h"

#include <sys/stat.h>

#define LIMIT 10000 /* where the content of the blob ends */

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA "\"sha256:" A64 "\""

#define E(type, rest) "{\"name\":\"f\",\"type\":\"" type "\"" rest "}"
#define REG(rest)     E("reg", rest)
#define CHUNK(rest)   E("chunk", rest)
#define REG_10	      REG(",\"size\":10,\"offset\":100,\"digest\":" SHA)

/* Entries of the index, for tests that look at them. */
static struct tar_list *entries_of(const struct digest *blob)
{
	AUTO(layer_index_close) struct layer_index *x = NULL;
	AUTO(toc_reader_close) struct toc_reader *toc = NULL;
	struct tar_list *l = calloc(1, sizeof(*l));
	struct entry e;
	struct err err;

	if (layer_index_open(world.store, blob, LAYER_CHECK_DIGESTS, &x, &err))
		fail_msg("%s", err.text);
	assert_int_equal(layer_index_toc(x, &toc, &err), 0);
	while (toc_reader_next(toc, &e, &err) == TOC_ENTRY) {
		autofree char *path = strndup(e.path, e.path_len);
		autofree char *link = strndup(e.link, e.link_len);

		e.path = path;
		e.link = link;
		list_add(l, &e, &err);
	}
	return l;
}

/* The whole document in pieces of `step`; where `blob` is given, the index is published. */
static int read_document(enum lazy_format format, const char *json, size_t step,
			 const struct digest *blob, struct err *err)
{
	AUTO(layer_table_close) struct layer_table *index = NULL;
	AUTO(lazy_table_close) struct lazy_table *t = NULL;
	size_t len = strlen(json);
	int r = layer_table_open(world.store, &index, err);

	if (!r)
		r = lazy_table_open(index, format, LIMIT, &t, err);
	for (size_t at = 0; !r && at < len; at += step)
		r = lazy_table_feed(t, json + at, len - at < step ? len - at : step, err);
	if (!r)
		r = lazy_table_finish(t, err);
	if (!r && blob) {
		const struct layer_claim claim = {blob, blob, LIMIT + 100, COMPRESSION_GZIP};

		r = layer_table_finish(index, &claim, err);
	}
	return r;
}

static int read_entries(enum lazy_format format, const char *entries, const struct digest *blob,
			struct err *err)
{
	autobuf doc = BUF_INIT;
	int r;

	buf_printf(&doc, "{\"version\":1,\"entries\":[%s]}", entries);
	r = read_document(format, doc.data, doc.len, blob, err);
	assert_int_equal(r, read_document(format, doc.data, 1, NULL, NULL));
	return r;
}

static struct tar_list *list_entries(enum lazy_format format, const char *entries)
{
	static int number;
	struct digest blob = sha256(&number, sizeof(number));
	struct err err;

	number++;
	if (read_entries(format, entries, &blob, &err))
		fail_msg("%s", err.text);
	return entries_of(&blob);
}

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

static void what_estargz_adds_is_not_shown(void **state)
{
	static const char entries[] =
	    "{\"name\":\".no.prefetch.landmark\",\"type\":\"reg\",\"size\":1,\"offset\":50},"
	    "{\"name\":\".prefetch.landmark\",\"type\":\"reg\",\"size\":1,\"offset\":60,"
	    "\"digest\":" SHA
	    "},{\"name\":\"./"
	    "stargz.index.json\",\"type\":\"reg\",\"size\":1,\"offset\":70,\"digest\":" SHA
	    "},{\"name\":\"d/"
	    ".prefetch.landmark\",\"type\":\"reg\",\"size\":1,\"offset\":80,\"digest\":" SHA
	    "},{\"name\":\"f\",\"type\":\"reg\",\"size\":1,\"offset\":90,\"digest\":" SHA "}";
	AUTO(tar_list_close) struct tar_list *l = list_entries(LAZY_ESTARGZ, entries);
	struct err err;

	(void)state;
	assert_int_equal(l->count, 2);
	assert_entry(&l->items[0], "d/.prefetch.landmark", S_IFREG, 1);
	assert_int_equal(l->items[0].e.data, 0);
	assert_entry(&l->items[1], "f", S_IFREG, 1);
	assert_int_equal(l->items[1].e.data, 1);
	assert_int_equal(read_entries(LAZY_ZSTD_CHUNKED, entries, NULL, &err), -EOPNOTSUPP);
}

static void zeros_become_holes(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;

	(void)state;
	l = list_entries(LAZY_ZSTD_CHUNKED,
			 REG(",\"size\":100,\"offset\":10,\"endOffset\":90,\"chunkSize\":10,"
			     "\"chunkDigest\":" SHA) "," CHUNK(",\"chunkOffset\":10,\"chunkSize\":"
							       "30,\"offset\":20,\"chunkType\":"
							       "\"zeros\"") "," CHUNK(",\"chunkOffs"
										      "et\":40,"
										      "\"chunkSize"
										      "\":20,"
										      "\"offset\":"
										      "30,"
										      "\"chunkDiges"
										      "t\":" SHA) "," CHUNK(",\"chunkOffset\":60,\"chunkSize\":20,\"offset\":40,\"chunkDigest\":" SHA) "," CHUNK(
			     ",\"chunkOffset\":80,\"chunkSize\":20,\"offset\":50,\"chunkType\":"
			     "\"zeros\"") "," REG(",\"size\":5,\"chunkType\":\"zeros\",\"offset\":"
						  "95") "," REG(",\"size\":7,\"chunkType\":"
								"\"zeros\"") "," REG(",\"size\":10,"
										     "\"offset\":"
										     "100,"
										     "\"digest\""
										     ":" SHA));
	assert_int_equal(l->count, 4);
	assert_int_equal(l->items[0].e.size, 100);
	assert_int_equal(l->items[0].e.data, 0);
	assert_int_equal(l->items[0].e.stored, 50);
	assert_int_equal(l->items[0].e.extent_count, 2);
	assert_int_equal(l->items[0].e.extents[0].offset, 0);
	assert_int_equal(l->items[0].e.extents[0].length, 10);
	assert_int_equal(l->items[0].e.extents[1].offset, 40);
	assert_int_equal(l->items[0].e.extents[1].length, 40);
	for (int i = 1; i < 3; i++) {
		assert_int_equal(l->items[i].e.stored, 0);
		assert_int_equal(l->items[i].e.extent_count, 1);
		assert_int_equal(l->items[i].e.extents[0].length, 0);
	}
	assert_int_equal(l->items[3].e.data, 50);
	assert_int_equal(l->items[3].e.extent_count, 0);
}

struct hostile {
	const char *entries;
	const char *why; /* NULL: it is taken */
	int code;
};

static void assert_all(enum lazy_format format, const struct hostile *h, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct err err = {0};
		int r = read_entries(format, h[i].entries, NULL, &err);

		if (r != -h[i].code || err.code != h[i].code)
			fail_msg("%.300s: %d \"%s\"", h[i].entries, r, err.text);
		if (h[i].why && !strstr(err.text, h[i].why))
			fail_msg("%.300s: \"%s\" does not say \"%s\"", h[i].entries, err.text,
				 h[i].why);
	}
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

static void chunks_that_do_not_make_the_file_are_refused(void **state)
{
	static const struct hostile bad[] = {
	    {REG(",\"size\":10,\"digest\":" SHA), "without an offset", EBADMSG},
	    {REG(",\"size\":10,\"offset\":-1,\"digest\":" SHA), "\"offset\" is negative", EBADMSG},
	    {REG(",\"size\":10,\"offset\":10000,\"digest\":" SHA), "content ends at 10000",
	     EBADMSG},
	    {REG(",\"size\":10,\"offset\":9223372036854775807,\"digest\":" SHA),
	     "content ends at 10000", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100"), "it cannot be verified", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"digest\":\"sha512:" A64 A64 "\""),
	     "it cannot be verified", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"digest\":\"blake3:" A64 "\""),
	     "it cannot be verified", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"digest\":\"sha256:short\""), "is no digest",
	     EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"digest\":7"), "\"digest\" is no string", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"chunkDigest\":" SHA ",\"chunkType\":\"delta\""),
	     "chunks of type \"delta\"", EOPNOTSUPP},
	    {REG(",\"size\":4194305,\"offset\":100,\"digest\":" SHA), "more than 4194304 in all",
	     EOPNOTSUPP},
	    {REG(",\"size\":9223372036854775807,\"offset\":100,\"digest\":" SHA),
	     "more than 4194304 in all", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"innerOffset\":4194295,\"digest\":" SHA),
	     "more than 4194304 in all", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"innerOffset\":9223372036854775807,\"digest\":" SHA),
	     "more than 4194304 in all", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"chunkSize\":11,\"chunkDigest\":" SHA),
	     "a chunk of 11 bytes where 10 are left", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"chunkOffset\":1,\"chunkDigest\":" SHA),
	     "begins at 1 of the file, not at 0", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"chunkSize\":5,\"chunkDigest\":" SHA),
	     "\"f\": chunks of 5 bytes, but a size of 10", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"chunkSize\":5,\"digest\":" SHA),
	     "it cannot be verified", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"chunkSize\":5,\"chunkDigest\":" SHA) "," CHUNK(
		 ",\"chunkOffset\":6,\"offset\":200,\"chunkDigest\":" SHA),
	     "begins at 6 of the file, not at 5", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"chunkSize\":5,\"chunkDigest\":" SHA) "," CHUNK(
		 ",\"chunkOffset\":4,\"offset\":200,\"chunkDigest\":" SHA),
	     "begins at 4 of the file, not at 5", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"chunkSize\":5,\"chunkDigest\":" SHA) "," CHUNK(
		 ",\"chunkOffset\":5,\"chunkSize\":6,\"offset\":200,\"chunkDigest\":" SHA),
	     "a chunk of 6 bytes where 5 are left", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"chunkSize\":5,\"chunkDigest\":" SHA) "," CHUNK(
		 ",\"chunkOffset\":5,\"offset\":200"),
	     "it cannot be verified", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"chunkSize\":5,\"chunkDigest\":" SHA) "," CHUNK(
		 ",\"chunkOffset\":5,\"chunkDigest\":" SHA),
	     "without an offset", EBADMSG},
	    {REG_10 "," CHUNK(",\"chunkOffset\":10,\"offset\":200,\"chunkDigest\":" SHA),
	     "a chunk of 0 bytes where 0 are left", EBADMSG},
	    {REG("") "," CHUNK(",\"offset\":200,\"chunkDigest\":" SHA),
	     "a chunk of 0 bytes where 0 are left", EBADMSG},
	    {CHUNK(",\"offset\":200,\"chunkDigest\":" SHA), "follows no chunk of its file",
	     EBADMSG},
	    {E("dir", "") "," CHUNK(",\"offset\":200,\"chunkDigest\":" SHA),
	     "follows no chunk of its file", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"chunkSize\":5,\"chunkDigest\":" SHA) ",{\"name\":"
										     "\"g\","
										     "\"type\":"
										     "\"chunk\","
										     "\"chunkOffset"
										     "\":5,"
										     "\"offset\":"
										     "200,"
										     "\"chunkDigest"
										     "\":" SHA "}",
	     "follows no chunk of its file", EBADMSG},
	};

	(void)state;
	assert_all(LAZY_ESTARGZ, bad, COUNT(bad));
	assert_all(LAZY_ZSTD_CHUNKED, bad, COUNT(bad));
}

#define AT(offset, rest) REG(",\"size\":10,\"digest\":" SHA ",\"offset\":" #offset rest)

static void ranges_that_cannot_be_are_refused(void **state)
{
	static const struct hostile bad[] = {
	    {AT(100, "") "," AT(200, ""), NULL, 0},
	    {AT(200, "") "," AT(100, ""), "a chunk at 100 behind one at 200", EOPNOTSUPP},
	    {AT(100, "") "," AT(100, ""), "a chunk at 100 within another", EBADMSG},
	    {AT(100, ",\"innerOffset\":0") "," AT(100, ",\"innerOffset\":10"), NULL, 0},
	    {AT(100, ",\"innerOffset\":5") "," AT(100, ",\"innerOffset\":600"), NULL, 0},
	    {AT(100, "") "," AT(100, ",\"innerOffset\":9"), "within another", EBADMSG},
	    {AT(100, ",\"innerOffset\":20") "," AT(100, ""), "within another", EBADMSG},
	    {AT(0, ",\"innerOffset\":512") "," AT(100, ""), NULL, 0},
	    {AT(100, ",\"endOffset\":200") "," AT(200, ",\"endOffset\":300"), NULL, 0},
	    {AT(100, ",\"endOffset\":201") "," AT(200, ""), "within one that ends at 201", EBADMSG},
	    {AT(100, ",\"endOffset\":100"), "at 100 of a file that ends at 100", EBADMSG},
	    {AT(100, ",\"endOffset\":99"), "at 100 of a file that ends at 99", EBADMSG},
	    {AT(100, ",\"endOffset\":10001"), "at 100 cannot end at 10001", EBADMSG},
	    {AT(100, ",\"endOffset\":10000"), NULL, 0},
	    {AT(100, ",\"endOffset\":200") "," AT(100, ",\"innerOffset\":10"),
	     "where another ends the frame", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"endOffset\":150,\"chunkSize\":5,"
		 "\"chunkDigest\":" SHA) "," CHUNK(
		 ",\"chunkOffset\":5,\"offset\":150,\"chunkDigest\":" SHA),
	     "a chunk at 150 of a file that ends at 150", EBADMSG},
	    {REG(",\"size\":10,\"offset\":200,\"endOffset\":250,\"chunkSize\":5,"
		 "\"chunkDigest\":" SHA) "," CHUNK(
		 ",\"chunkOffset\":5,\"offset\":150,\"chunkDigest\":" SHA),
	     "a chunk at 150 behind one at 200", EOPNOTSUPP},
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

static void the_document_is_checked_too(void **state)
{
	static const struct {
		const char *doc, *why;
		int code;
	} docs[] = {
	    {"{\"version\":1,\"entries\":[]}", NULL, 0},
	    {"{\"version\":1,\"entries\":null}", NULL, 0},
	    {"{\"entries\":[],\"version\":1,\"tarSplitDigest\":" SHA "}", NULL, 0},
	    {"{\"version\":2,\"entries\":[]}", "of version 2", EOPNOTSUPP},
	    {"{\"version\":\"1\",\"entries\":[]}", "has no version", EBADMSG},
	    {"{\"entries\":[]}", "has no version", EBADMSG},
	    {"{\"version\":1}", "there is no \"entries\"", EBADMSG},
	    {"{\"version\":1,\"entries\":[" REG_10, "ends in entry 1", EBADMSG},
	    {"{\"version\":1,\"entries\":[" REG_10 "]", "a comma or }", EBADMSG},
	    {"{\"version\":1,\"entries\":[" REG_10 "],\"entries\":[]}", "a second", EBADMSG},
	    {"\x1f\x8b", "not a value", EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(docs); i++) {
		struct err err = {0};
		int r = read_document(LAZY_ESTARGZ, docs[i].doc, 3, NULL, &err);

		if (r != -docs[i].code || (docs[i].why && !strstr(err.text, docs[i].why)))
			fail_msg("%s: %d %s", docs[i].doc, r, err.text);
	}
}

static void memory_is_bounded(void **state)
{
	AUTO(layer_table_close) struct layer_table *index = NULL;
	AUTO(lazy_table_close) struct lazy_table *t = NULL;
	static const char begin[] = "{\"version\":1,\"entries\":[" REG_10;
	autobuf entry = BUF_INIT;
	struct err err;
	uint64_t i;
	int r;

	(void)state;
	assert_int_equal(layer_table_open(world.store, &index, &err), 0);
	assert_int_equal(lazy_table_open(index, LAZY_ESTARGZ, UINT64_C(1) << 40, &t, &err), 0);
	r = lazy_table_feed(t, begin, sizeof(begin) - 1, &err);
	for (i = 0; !r && i < 1000000; i++) {
		buf_reset(&entry);
		buf_printf(&entry,
			   ",{\"name\":\"%llx\",\"type\":\"reg\",\"size\":10,\"offset\":%llu,"
			   "\"digest\":" SHA "}",
			   (unsigned long long)i, (unsigned long long)(i + 200) * 100);
		r = lazy_table_feed(t, entry.data, entry.len, &err);
	}
	assert_int_equal(r, -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "an index of more than 32 MiB"));
	assert_true(i > 300000);
	assert_true(layer_table_memory(index) < LAZY_MEMORY_MAX + 65536 * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_is_taken),
	    cmocka_unit_test(what_estargz_adds_is_not_shown),
	    cmocka_unit_test(zeros_become_holes),
	    cmocka_unit_test(an_entry_that_nobody_writes_is_refused),
	    cmocka_unit_test(chunks_that_do_not_make_the_file_are_refused),
	    cmocka_unit_test(ranges_that_cannot_be_are_refused),
	    cmocka_unit_test(names_keep_the_limits_of_entries),
	    cmocka_unit_test(attributes_keep_the_limits_of_entries),
	    cmocka_unit_test(the_document_is_checked_too),
	    cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
