/* SPDX-License-Identifier: MIT */
/* Where a layer's table of contents is, by its descriptor and its footer. */
#include "tests/unit/lazy_make.h"

#include <sys/stat.h>
#include <unistd.h>

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"

#define STARGZ(digest) "\"containerd.io/snapshot/stargz/toc.digest\":\"" digest "\""
#define CHUNKED(digest, position)                                                                  \
	"\"io.github.containers.zstd-chunked.manifest-checksum\":\"" digest                        \
	"\",\"io.github.containers.zstd-chunked.manifest-position\":\"" position "\""
#define SHA "sha256:" A64

/* A descriptor of a blob of 1000 bytes. */
static int find(const char *type, const char *annotations, struct lazy *out, struct err *err)
{
	autolayer l = {0};

	memset(buf_reserve(&l.blob, 1000), 0, 1000);
	l.blob.len = 1000;
	describe(&l, type, annotations);
	return lazy_find(&l.descriptor, out, err);
}

static void a_layer_says_where_its_table_is(void **state)
{
	struct lazy z;
	struct err err;

	(void)state;
	assert_int_equal(find(GZIP, STARGZ(SHA), &z, &err), 0);
	assert_int_equal(z.format, LAZY_ESTARGZ);
	assert_false(z.has_table);
	assert_int_equal(z.next.first, 949);
	assert_int_equal(z.next.end, 1000);
	assert_int_equal(z.compression, COMPRESSION_GZIP);
	assert_int_equal(
	    find("application/vnd.docker.image.rootfs.diff.tar.gzip", STARGZ(SHA), &z, &err), 0);
	assert_int_equal(z.format, LAZY_ESTARGZ);

	assert_int_equal(find(ZSTD, CHUNKED(SHA, "508:300:5000:1"), &z, &err), 0);
	assert_int_equal(z.format, LAZY_ZSTD_CHUNKED);
	assert_true(z.has_table);
	assert_int_equal(z.next.first, 508);
	assert_int_equal(z.next.end, 808);
	assert_int_equal(z.content_end, 500);
	assert_int_equal(z.json_max, 5000);
	assert_int_equal(z.compression, COMPRESSION_ZSTD);
	assert_int_equal(z.table.bytes[31], 0xaa);
	assert_false(z.landmarks);

	/* As stargz-snapshotter calls them; the media type says which of its two digests counts. */
	assert_int_equal(
	    find(ZSTD,
		 STARGZ(SHA) ",\"io.containers.zstd-chunked.manifest-checksum\":\"" SHA
			     "\",\"io.containers.zstd-chunked.manifest-position\":\"608:7:99:1\"",
		 &z, &err),
	    0);
	assert_int_equal(z.format, LAZY_ZSTD_CHUNKED);
	assert_int_equal(z.next.first, 608);
	assert_true(z.landmarks);
}

static void what_we_do_not_know_is_no_table(void **state)
{
	static const struct {
		const char *type, *annotations;
	} none[] = {
	    {GZIP, ""},
	    {GZIP, "\"a\":\"b\""},
	    {GZIP, STARGZ("")},
	    {GZIP, STARGZ("sha512:" A64 A64)},
	    {GZIP, STARGZ("blake3:" A64)},
	    {GZIP, STARGZ("sha256:AA")},
	    {GZIP, "\"containerd.io/snapshot/stargz/toc.digest\":5"},
	    {ZSTD, STARGZ(SHA)},
	    {GZIP, CHUNKED(SHA, "508:300:5000:1")},
	    {"application/vnd.oci.image.layer.v1.tar", CHUNKED(SHA, "508:300:5000:1")},
	    {"application/vnd.oci.image.layer.v1.tar", STARGZ(SHA)},
	    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", STARGZ(SHA)},
	    {ZSTD, CHUNKED("sha512:" A64 A64, "508:300:5000:1")},
	    {ZSTD, CHUNKED("md5:aa", "508:300:5000:1")},
	    {ZSTD, CHUNKED(SHA, "508:300:5000:2")},
	    {ZSTD, "\"io.github.containers.zstd-chunked.manifest-checksum\":\"" SHA "\""},
	    {ZSTD, "\"io.github.containers.zstd-chunked.manifest-position\":\"508:300:5000:1\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct lazy z;
		struct err err;

		if (find(none[i].type, none[i].annotations, &z, &err) || z.format != LAZY_NONE)
			fail_msg("%s %s", none[i].type, none[i].annotations);
	}
}

static void a_place_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *annotations, *why;
		int code;
	} bad[] = {
	    {CHUNKED(SHA, ""), "is no position", EBADMSG},
	    {CHUNKED(SHA, "508"), "is no position", EBADMSG},
	    {CHUNKED(SHA, "508:300:5000"), "is no position", EBADMSG},
	    {CHUNKED(SHA, "508:300:5000:1:"), "is no position", EBADMSG},
	    {CHUNKED(SHA, "508:300:5000:1 "), "is no position", EBADMSG},
	    {CHUNKED(SHA, " 508:300:5000:1"), "is no position", EBADMSG},
	    {CHUNKED(SHA, "-508:300:5000:1"), "is no position", EBADMSG},
	    {CHUNKED(SHA, "0x1fc:300:5000:1"), "is no position", EBADMSG},
	    {CHUNKED(SHA, "508::5000:1"), "is no position", EBADMSG},
	    {CHUNKED(SHA, "18446744073709551617:300:5000:1"), "is no position", EBADMSG},
	    {CHUNKED(SHA, "701:300:5000:1"), "no table of contents lies at", EBADMSG},
	    {CHUNKED(SHA, "1001:1:5000:1"), "no table of contents lies at", EBADMSG},
	    {CHUNKED(SHA, "18446744073709551615:2:5000:1"), "no table of contents lies", EBADMSG},
	    {CHUNKED(SHA, "508:18446744073709551615:5000:1"), "no table of contents", EBADMSG},
	    {CHUNKED(SHA, "8:300:5000:1"), "no table of contents lies at", EBADMSG},
	    {CHUNKED(SHA, "508:0:5000:1"), "no table of contents lies at", EBADMSG},
	    {CHUNKED(SHA, "508:300:0:1"), "no table of contents lies at", EBADMSG},
	    {CHUNKED(SHA, "508:300:1073741825:1"), "1073741825 decompressed", EOPNOTSUPP},
	    {CHUNKED(SHA, "508:300:18446744073709551615:1"), "decompressed", EOPNOTSUPP},
	};
	struct descriptor tiny = {.media_type = (char *)GZIP, .size = 51};
	struct lazy z;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int r = find(ZSTD, bad[i].annotations, &z, &err);

		if (r != -bad[i].code || !strstr(err.text, bad[i].why) || z.format != LAZY_NONE)
			fail_msg("%s: %d %s", bad[i].annotations, r, err.text);
	}
	assert_int_equal(
	    json_parse("{" STARGZ(SHA) "}", strlen("{" STARGZ(SHA) "}"), &tiny.annotations, &err),
	    0);
	assert_int_equal(lazy_find(&tiny, &z, &err), -EBADMSG);
	tiny.size = 52;
	assert_int_equal(lazy_find(&tiny, &z, &err), 0);
	json_object_put(tiny.annotations);
}

/* The footer of a blob of so many bytes, read. */
static int read_footer(uint64_t size, const struct buf *footer, struct lazy *z, struct err *err)
{
	*z = (struct lazy){.format = LAZY_ESTARGZ, .next = {size - LAZY_FOOTER, size}};
	return lazy_footer(z, footer->data + footer->len - LAZY_FOOTER, LAZY_FOOTER, err);
}

static void both_forms_of_the_footer_are_read(void **state)
{
	(void)state;
	for (int legacy = 0; legacy < 2; legacy++) {
		autobuf footer = BUF_INIT;
		struct lazy z;
		struct err err;

		buf_puts(&footer, "what stands before");
		make_footer(&footer, 0xabc, legacy);
		assert_int_equal(read_footer(5000, &footer, &z, &err), 0);
		assert_true(z.has_table);
		assert_int_equal(z.next.first, 0xabc);
		assert_int_equal(z.next.end, legacy ? 4953 : 4949);
		assert_int_equal(z.content_end, 0xabc);
	}
}

static void a_footer_that_is_none_is_refused(void **state)
{
	static const struct {
		uint64_t offset, size;
		int code;
	} bad[] = {
	    {0, 5000, EBADMSG},
	    {4949, 5000, EBADMSG},
	    {4948, 5000, 0},
	    {UINT64_MAX, 5000, EBADMSG},
	    {1, 1 << 30, EOPNOTSUPP},
	    {100, LAZY_TABLE_MAX + 151, 0},
	    {100, LAZY_TABLE_MAX + 152, EOPNOTSUPP},
	};
	struct lazy z;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		autobuf footer = BUF_INIT;

		make_footer(&footer, bad[i].offset, false);
		assert_int_equal(read_footer(bad[i].size, &footer, &z, &err), -bad[i].code);
	}
	/* Any other byte of its fixed part, or of the number, makes it none. */
	for (size_t at = 0; at < 38; at++) {
		autobuf footer = BUF_INIT;

		if (at >= 4 && at < 10)
			continue; /* time, flags, system: of no interest */
		make_footer(&footer, 100, false);
		footer.data[at] ^= 0x40;
		assert_int_equal(read_footer(5000, &footer, &z, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "does not end with a footer"));
	}
}

static void a_footer_may_say_that_the_table_is_another_blob(void **state)
{
	static const char external[] =
	    "\x1f\x8b\x08\x04\0\0\0\0\0\xff\x15\0SG\x11\0STARGZEXTERNALTOC"
	    "\1\0\0\xff\xff\0\0\0\0\0\0\0\0";
	autobuf footer = BUF_INIT;
	struct lazy z;
	struct err err;

	(void)state;
	buf_puts(&footer, "12345");
	buf_append(&footer, external, 46);
	assert_int_equal(read_footer(5000, &footer, &z, &err), 0);
	assert_true(z.external && !z.has_table);
	assert_int_equal(z.content_end, 5000 - 46);
	assert_int_equal(lazy_external(&z, 0, &err), -EBADMSG);
	assert_int_equal(lazy_external(&z, LAZY_TABLE_MAX + 1, &err), -EOPNOTSUPP);
	assert_false(z.has_table);
	assert_int_equal(lazy_external(&z, 77777, &err), 0); /* longer than the layer */
	assert_true(z.has_table);
	assert_int_equal(z.next.first, 0);
	assert_int_equal(z.next.end, 77777);
	for (size_t at = 5; at < 5 + 33; at++) {
		if (at >= 9 && at < 15)
			continue; /* time, flags, system: of no interest */
		footer.data[at] ^= 0x40;
		assert_int_equal(read_footer(5000, &footer, &z, &err), -EBADMSG);
		footer.data[at] ^= 0x40;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_layer_says_where_its_table_is),
	    cmocka_unit_test(what_we_do_not_know_is_no_table),
	    cmocka_unit_test(a_place_that_is_none_is_refused),
	    cmocka_unit_test(both_forms_of_the_footer_are_read),
	    cmocka_unit_test(a_footer_that_is_none_is_refused),
	    cmocka_unit_test(a_footer_may_say_that_the_table_is_another_blob),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
