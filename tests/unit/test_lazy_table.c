/* SPDX-License-Identifier: MIT */
/* What a table of contents may say of chunks, and as a whole. */
#include "tests/unit/lazy_read.h"

static void what_estargz_adds_is_not_shown(void **state)
{
	static const char entries[] =
	    "{\"name\":\".no.prefetch.landmark\",\"type\":\"reg\",\"size\":1,\"offset\":50},"
	    "{\"name\":\".prefetch.landmark\",\"type\":\"reg\",\"size\":1,\"offset\":60,"
	    "\"digest\":" SHA "},{\"name\":\"./"
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

/* What the index says of the landmark. */
static uint64_t landmark_of(const char *entries)
{
	AUTO(layer_index_close) struct layer_index *x = NULL;
	const struct digest blob = {.algorithm = DIGEST_SHA256};
	struct err err;

	if (read_entries(LAZY_ESTARGZ, entries, &blob, &err) ||
	    layer_index_open(world.store, &blob, LAYER_CHECK_DIGESTS, &x, &err))
		fail_msg("%s", err.text);
	return layer_index_landmark(x);
}

#define FILE_AT(name, at)                                                                          \
	"{\"name\":\"" name "\",\"type\":\"reg\",\"size\":1,\"offset\":" at ",\"digest\":" SHA "}"

static void a_landmark_says_what_comes_early(void **state)
{
	(void)state;
	assert_int_equal(landmark_of(FILE_AT("f", "50") "," FILE_AT(".prefetch.landmark",
								    "60") "," FILE_AT("g", "70")),
			 60);
	assert_int_equal(landmark_of(FILE_AT("f", "50") "," FILE_AT("./.prefetch.landmark", "60")),
			 60);
	assert_int_equal(landmark_of(FILE_AT(".no.prefetch.landmark", "50") "," FILE_AT("f", "60")),
			 0);
	assert_int_equal(landmark_of(FILE_AT("d/.prefetch.landmark", "50")), 0);
	assert_int_equal(landmark_of(FILE_AT(".prefetch.landmark",
					     "50") "," FILE_AT(".no.prefetch.landmark", "60")),
			 0);
	assert_int_equal(
	    landmark_of("{\"name\":\".prefetch.landmark\",\"type\":\"reg\",\"offset\":50}"), 0);
	assert_int_equal(landmark_of("{\"name\":\".prefetch.landmark\",\"type\":\"dir\"}"), 0);
}

static void zeros_become_holes(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;

	(void)state;
	l = list_entries(
	    LAZY_ZSTD_CHUNKED,
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
									 "t\":" SHA) "," CHUNK(",\""
											       "chu"
											       "nkO"
											       "ffs"
											       "et"
											       "\":"
											       "60,"
											       "\"c"
											       "hun"
											       "kSi"
											       "ze"
											       "\":"
											       "20,"
											       "\"o"
											       "ffs"
											       "et"
											       "\":"
											       "40,"
											       "\"c"
											       "hun"
											       "kDi"
											       "ges"
											       "t\""
											       ":" SHA) "," CHUNK(",\"chunkOffset\":80,\"chunkSize\":20,\"offset\":50,\"chunkType\":"
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
	    {REG(",\"size\":4194305,\"offset\":100,\"digest\":" SHA), "more than 4194304",
	     EOPNOTSUPP},
	    {REG(",\"size\":9223372036854775807,\"offset\":100,\"digest\":" SHA),
	     "more than 4194304", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"innerOffset\":4194305,\"digest\":" SHA),
	     "more than 4194304", EOPNOTSUPP},
	    {REG(",\"size\":10,\"offset\":100,\"innerOffset\":9223372036854775807,\"digest\":" SHA),
	     "more than 4194304", EOPNOTSUPP},
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
	    {AT(100, "") "," REG(",\"size\":5,\"chunkType\":\"zeros\",\"endOffset\":300") "," AT(
		 200, ""),
	     NULL, 0},
	    {AT(100, ",\"endOffset\":200") "," AT(100, ",\"innerOffset\":10"),
	     "where another ends the frame", EBADMSG},
	    {REG(",\"size\":10,\"offset\":100,\"endOffset\":150,\"chunkSize\":5,"
		 "\"chunkDigest\":" SHA) "," CHUNK(",\"chunkOffset\":5,\"offset\":150,"
						   "\"chunkDigest\":" SHA),
	     "a chunk at 150 of a file that ends at 150", EBADMSG},
	    {REG(",\"size\":10,\"offset\":200,\"endOffset\":250,\"chunkSize\":5,"
		 "\"chunkDigest\":" SHA) "," CHUNK(",\"chunkOffset\":5,\"offset\":150,"
						   "\"chunkDigest\":" SHA),
	     "a chunk at 150 behind one at 200", EOPNOTSUPP},
	};

	(void)state;
	assert_all(LAZY_ESTARGZ, bad, COUNT(bad));
	assert_all(LAZY_ZSTD_CHUNKED, bad, COUNT(bad));
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
	const struct lazy from = {.format = LAZY_ESTARGZ, .content_end = UINT64_C(1) << 40};
	static const char begin[] = "{\"version\":1,\"entries\":[" REG_10;
	autobuf entry = BUF_INIT;
	struct err err;
	uint64_t i;
	int r;

	(void)state;
	assert_int_equal(layer_table_open(world.store, LAYER_CHECK_DIGESTS, &index, &err), 0);
	assert_int_equal(lazy_table_open(index, &from, &t, &err), 0);
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
	    cmocka_unit_test(what_estargz_adds_is_not_shown),
	    cmocka_unit_test(a_landmark_says_what_comes_early),
	    cmocka_unit_test(zeros_become_holes),
	    cmocka_unit_test(chunks_that_do_not_make_the_file_are_refused),
	    cmocka_unit_test(ranges_that_cannot_be_are_refused),
	    cmocka_unit_test(the_document_is_checked_too),
	    cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
