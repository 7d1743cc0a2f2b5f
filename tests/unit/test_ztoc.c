/* SPDX-License-Identifier: MIT */
/* What a zTOC may say, and how each lie is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/ztoc_make.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* All of it. */
static int read_ztoc(const struct buf *b, enum compression compression, struct err *err)
{
	struct ztoc_entry *e = calloc(1, sizeof(*e));
	/* As long as it says, so that a sanitizer sees who reads behind it. */
	uint8_t *copy = malloc(b->len + 1);
	struct ztoc_span s;
	struct ztoc z;
	int r;

	memcpy(copy, b->data, b->len);
	copy = realloc(copy, b->len ? b->len : 1);
	r = ztoc_open(copy, b->len, compression, BLOB, &z, err);
	for (uint32_t i = 0; !r && i < z.spans; i++) {
		r = ztoc_span(&z, i, &s, err);
		if (!r)
			assert_true(s.out_end >= s.from.out && s.in_end > s.from.in &&
				    s.in_end <= BLOB);
	}
	for (uint32_t i = 0; !r && i < z.entries.count; i++)
		r = ztoc_entry(&z, i, e, err);
	ztoc_entry_free(e);
	free(e);
	free(copy);
	return r;
}

static void what_is_right_is_taken(void **state)
{
	struct said said = said_well();
	struct buf b = say(&said);
	struct ztoc_entry *e = calloc(1, sizeof(*e));
	struct ztoc_span s;
	struct ztoc z;
	struct err err;

	(void)state;
	if (ztoc_open(b.data, b.len, COMPRESSION_GZIP, BLOB, &z, &err))
		fail_msg("%s", err.text);
	assert_int_equal(z.spans, 2);
	assert_int_equal(ztoc_span(&z, 0, &s, &err), 0);
	assert_int_equal(s.from.in, 10);
	assert_int_equal(s.in_end, 500); /* the whole bytes of the next one begin there */
	assert_int_equal(s.out_end, 4096);
	assert_int_equal(ztoc_span(&z, 1, &s, &err), 0);
	assert_int_equal(s.from.in, 499); /* the byte that both share */
	assert_int_equal(s.from.bit, 5);
	assert_int_equal(s.from.window, ZTOC_WINDOW);
	assert_int_equal(s.in_end, BLOB);
	assert_int_equal(ztoc_entry(&z, 0, e, &err), 0);
	assert_string_equal(e->entry.path, "d");
	assert_int_equal(e->entry.mode, S_IFDIR | 0755);
	assert_int_equal(e->entry.uid, 4294967294u);
	assert_int_equal(e->entry.mtime, 1709208000);
	assert_int_equal(e->entry.mtime_ns, 500000000);
	assert_int_equal(ztoc_entry(&z, 1, e, &err), 0);
	assert_int_equal(e->entry.mode, S_IFREG | 04755);
	assert_int_equal(e->entry.data, 1024);
	assert_int_equal(e->entry.stored, 3000);
	assert_int_equal(e->entry.xattr_count, 1);
	assert_string_equal(e->entry.xattrs[0].name, "user.a");
	assert_int_equal(ztoc_entry(&z, 2, e, &err), 0);
	assert_string_equal(e->entry.link, "d/f");
	assert_int_equal(ztoc_entry(&z, 3, e, &err), 0);
	assert_int_equal(e->entry.mode, S_IFCHR);
	assert_int_equal(e->entry.dev_major, 5);
	ztoc_entry_free(e);
	free(e);
	buf_free(&b);
}

/* ---- what it says ---- */

struct lie {
	const char *why; /* NULL: it is taken */
	int code;
	void (*say)(struct said *z);
	void (*bend)(struct buf *b);
};

#define NAME_255                                                                                   \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnn"                                                                                     \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnn"                                                                                     \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

#define SAYS(name, ...)                                                                            \
	static void name(struct said *z)                                                           \
	{                                                                                          \
		__VA_ARGS__;                                                                       \
	}
#define BENDS(name, ...)                                                                           \
	static void name(struct buf *b)                                                            \
	{                                                                                          \
		__VA_ARGS__;                                                                       \
	}

SAYS(version_1_0, z->version = "1.0")
SAYS(no_version, z->version = NULL)
SAYS(algorithm_zstd, z->algorithm = 3)
SAYS(algorithm_plain, z->algorithm = ZTOC_PLAIN; z->span_size = 512)
SAYS(another_blob, z->packed = BLOB + 1)
SAYS(blob_below_nothing, z->packed = -1)
SAYS(archive_below_nothing, z->plain = -1)
SAYS(one_digest, z->digests = 1)
SAYS(no_digests, z->digests = 0; z->last = -1)
SAYS(last_span_huge, z->last = INT32_MAX)
SAYS(digest_is_none, z->digest = "sha256:aa")
SAYS(digest_empty, z->digest = "")
SAYS(digest_long, z->digest = SHA_A SHA_A SHA_A)
SAYS(digest_sha512, z->digest = "sha512:"
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
SAYS(count_huge, z->count = UINT32_MAX)
SAYS(count_zero, z->count = 0)
SAYS(window_short, z->cut = 1)
SAYS(window_of_half, z->cut = ZTOC_WINDOW / 2)
SAYS(no_checkpoints, z->cut = SIZE_MAX)
SAYS(head_alone, z->cut = 2 * ZTOC_CHECKPOINT)
SAYS(first_left_out, z->points = 1; z->point[0] = z->point[1])
SAYS(first_not_at_0, z->point[0].out = 512)
SAYS(first_with_bits, z->point[0].bits = 3)
SAYS(bits_8, z->point[1].bits = 8)
SAYS(bits_255, z->point[1].bits = 255)
SAYS(span_behind_blob, z->point[1].in = BLOB + 1)
SAYS(span_at_end, z->point[1].in = BLOB)
SAYS(span_below_nothing, z->point[1].in = -1)
SAYS(spans_cross, z->point[0].in = 600)
SAYS(spans_overlap, z->point[1].in = 10)
SAYS(span_empty, z->point[1].out = 0)
SAYS(out_behind_archive, z->point[1].out = ARCHIVE + 512)
SAYS(out_goes_back, z->points = z->count = z->digests = 3; z->last = 2;
     z->point[1] = (struct said_point){400, 5000, 0};
     z->point[2] = (struct said_point){500, 4000, 0})
SAYS(span_of_64_mib, z->plain = 64 << 20; z->point[1].out = 40 << 20)
SAYS(name_of_256, z->entry[1].name = NAME_255 "n")
SAYS(name_of_255, z->entry[1].name = NAME_255)
SAYS(name_none, z->entry[1].name = "")
SAYS(name_absent, z->entry[1].name = NULL)
SAYS(name_with_nul, z->entry[1].name = "a\0b"; z->entry[1].name_len = 3)
SAYS(name_dots, z->entry[1].name = "../../etc/passwd")
SAYS(type_unknown, z->entry[1].type = "door")
SAYS(type_absent, z->entry[1].type = NULL)
SAYS(link_none, z->entry[2].link = "")
SAYS(link_of_256, z->entry[2].link = "d/" NAME_255 "n")
SAYS(time_none, z->entry[1].time = "")
SAYS(time_wrong, z->entry[1].time = "yesterday")
SAYS(device_negative, z->entry[3].major = -1)
SAYS(device_huge, z->entry[3].major = INT64_C(1) << 32)
SAYS(content_negative, z->entry[1].at = -512)
SAYS(content_not_on_block, z->entry[1].at = 1025)
SAYS(content_overlaps, z->entry[2].at = 2048)
SAYS(content_without_header, z->entry[1].at = 512)
SAYS(content_behind, z->entry[1].size = ARCHIVE)
SAYS(size_negative, z->entry[1].size = -1)
SAYS(size_huge, z->entry[1].size = INT64_MAX)
SAYS(at_huge, z->entry[1].at = INT64_MAX / 512 * 512)
SAYS(sparse_file, z->entry[1].key = "GNU.sparse.major")
SAYS(attribute_name_long, z->entry[1].key = "SCHILY.xattr." NAME_255 "n")
SAYS(attribute_without_name, z->entry[1].key = "SCHILY.xattr.")
SAYS(attributes_129, z->entry[1].records = 129)
SAYS(attributes_128, z->entry[1].records = 128)
SAYS(other_records, z->entry[1].key = "comment"; z->entry[1].records = 500)
SAYS(attribute_of_libarchive, z->entry[1].key = "LIBARCHIVE.xattr.user.a"; z->entry[1].value = "?")

static const char attribute[ENTRY_XATTR_MAX + 1];
SAYS(attribute_long, z->entry[1].value = attribute; z->entry[1].value_len = sizeof(attribute))

/* ---- what its bytes are ---- */

BENDS(root_outside, poke32(b, 0, (uint32_t)b->len))
BENDS(root_far, poke32(b, 0, UINT32_MAX))
BENDS(vtable_before, poke32(b, root_of(b), 0x7fffffff))
BENDS(vtable_behind, poke32(b, root_of(b), (uint32_t)-0x7fffff00))
BENDS(vtable_odd, poke16(b, vtable_of(b, root_of(b)), 15))
BENDS(vtable_small, poke16(b, vtable_of(b, root_of(b)), 2))
BENDS(vtable_long, poke16(b, vtable_of(b, root_of(b)), 0xfffe))
BENDS(table_long, poke16(b, vtable_of(b, root_of(b)) + 2, 0xffff))
BENDS(table_small, poke16(b, vtable_of(b, root_of(b)) + 2, 2))
BENDS(field_outside, poke16(b, vtable_of(b, root_of(b)) + 4, 0xfff0))
BENDS(field_at_0, poke16(b, vtable_of(b, root_of(b)) + 4, 1))
BENDS(toc_absent, poke16(b, vtable_of(b, root_of(b)) + 4 + 2 * ZTOC_F_TOC, 0))
BENDS(info_absent, poke16(b, vtable_of(b, root_of(b)) + 4 + 2 * ZTOC_F_INFO, 0))
BENDS(toc_far, poke32(b, field_of(b, root_of(b), ZTOC_F_TOC), 0x7fffffff))
BENDS(entries_2_32, poke32(b, entries_of_ztoc(b), UINT32_MAX))
BENDS(entries_2_30, poke32(b, entries_of_ztoc(b), 1u << 30))
BENDS(entries_far, poke32(b, field_of(b, child_of(b, ZTOC_F_TOC), ZTOC_F_ENTRIES), 0xfffffff0))
BENDS(entry_far, poke32(b, entries_of_ztoc(b) + 4, 0x7ffffff0))
BENDS(entry_is_its_vector, poke32(b, entries_of_ztoc(b) + 4, 0))
BENDS(name_longer, poke32(b, follow(b, field_of(b, first_entry(b), ZTOC_F_NAME)), UINT32_MAX))
BENDS(digests_2_32,
      poke32(b, follow(b, field_of(b, child_of(b, ZTOC_F_INFO), ZTOC_F_DIGESTS)), UINT32_MAX))
BENDS(checkpoints_2_31,
      poke32(b, follow(b, field_of(b, child_of(b, ZTOC_F_INFO), ZTOC_F_CHECKPOINTS)), 1u << 31))
BENDS(cut_in_half, b->len /= 2)
BENDS(cut_to_nothing, b->len = 0)
BENDS(cut_to_3, b->len = 3)

/* All lead to one: the second begins where the first does. */
static void entries_shared(struct buf *b)
{
	uint32_t vector = entries_of_ztoc(b), first = first_entry(b);

	for (uint32_t i = 0; i < 4; i++)
		poke32(b, vector + 4 + 4 * i, first - (vector + 4 + 4 * i));
}

#define BAD  EBADMSG
#define CANT EOPNOTSUPP

static const struct lie lies[] = {
    {"version \"1.0\"", CANT, .say = version_1_0},
    {"version \"\"", CANT, .say = no_version},
    {"compression 3", CANT, .say = algorithm_zstd},
    {"another compression", BAD, .say = algorithm_plain},
    {"of a layer of 1001 bytes", BAD, .say = another_blob},
    {"of a layer of -1 bytes", BAD, .say = blob_below_nothing},
    {"an archive of -1 bytes", BAD, .say = archive_below_nothing},
    {"1 digests, but the last span is 1", BAD, .say = one_digest},
    {"0 digests", BAD, .say = no_digests},
    {"the last span is 2147483647", BAD, .say = last_span_huge},
    {"span 0 has no digest", BAD, .say = digest_is_none},
    {"span 0 has no digest", BAD, .say = digest_empty},
    {"span 0 has no digest", BAD, .say = digest_long},
    {"is no sha256", CANT, .say = digest_sha512},
    {"4294967295 checkpoints", BAD, .say = count_huge},
    {"0 checkpoints", BAD, .say = count_zero},
    {"2 checkpoints take", BAD, .say = window_short},
    {"2 checkpoints take", BAD, .say = window_of_half},
    {"checkpoints of 0 bytes", BAD, .say = no_checkpoints},
    {"2 checkpoints take 0", BAD, .say = head_alone},
    {NULL, 0, .say = first_left_out},
    {"span 0 begins with bit 0, at 512", BAD, .say = first_not_at_0},
    {"span 0 begins with bit 3", BAD, .say = first_with_bits},
    {"span 1 begins with bit 8", BAD, .say = bits_8},
    {"span 1 begins with bit 255", BAD, .say = bits_255},
    {"ends at 1001 of 1000", BAD, .say = span_behind_blob},
    {"span 1 at 1000 ends at 1000", BAD, .say = span_at_end},
    {"span 0 at 10 ends at 18446744073709551615", BAD, .say = span_below_nothing},
    {"span 0 at 600 ends at 500", BAD, .say = spans_cross},
    {"span 0 at 10 ends at 10", BAD, .say = spans_overlap},
    {NULL, 0, .say = span_empty},
    {NULL, 0, .say = out_behind_archive},
    {"of the archive ends at 4000", BAD, .say = out_goes_back},
    {"span 0 has 41943040 bytes", CANT, .say = span_of_64_mib},
    {"a name of more than 255 bytes", BAD, .say = name_of_256},
    {NULL, 0, .say = name_of_255},
    {"it has no name", BAD, .say = name_none},
    {"it has no name", BAD, .say = name_absent},
    {"the name has a NUL", BAD, .say = name_with_nul},
    {NULL, 0, .say = name_dots}, /* the merger refuses it, as in an archive */
    {"an unknown type \"door\"", BAD, .say = type_unknown},
    {"an unknown type \"\"", BAD, .say = type_absent},
    {"a link to nothing", BAD, .say = link_none},
    {"the link has a name of more than 255", BAD, .say = link_of_256},
    {"its time is not in the table", CANT, .say = time_none},
    {"time", BAD, .say = time_wrong},
    {"device number -1", BAD, .say = device_negative},
    {"device number 4294967296", BAD, .say = device_huge},
    {"begins at -512", BAD, .say = content_negative},
    {"begins at 1025", BAD, .say = content_not_on_block},
    {"begins at 2048, the entry before ends at 4096", BAD, .say = content_overlaps},
    {"begins at 512, the entry before ends at 512", BAD, .say = content_without_header},
    {"lies behind 8192", BAD, .say = content_behind},
    {"its content begins at", BAD, .say = size_negative},
    {"lies behind 8192", BAD, .say = size_huge},
    {"lies behind 8192", BAD, .say = at_huge},
    {"a sparse file", CANT, .say = sparse_file},
    {"a name of 256 bytes", BAD, .say = attribute_name_long},
    {"a name of 0 bytes", BAD, .say = attribute_without_name},
    {"more than 128 extended attributes", BAD, .say = attributes_129},
    {NULL, 0, .say = attributes_128},
    {NULL, 0, .say = other_records},
    {NULL, 0, .say = attribute_of_libarchive},
    {"over 65536 bytes", BAD, .say = attribute_long},
    {"does not lie within the buffer", BAD, .bend = root_outside},
    {"does not lie within the buffer", BAD, .bend = root_far},
    {"a vtable of the table", BAD, .bend = vtable_before},
    {"a vtable of the table", BAD, .bend = vtable_behind},
    {"the end of a vtable", BAD, .bend = vtable_odd},
    {"the end of a vtable", BAD, .bend = vtable_small},
    {"version", CANT, .say = no_version, .bend = vtable_long},
    {"version", CANT, .say = no_version, .bend = table_long},
    {"the end of a table", BAD, .bend = table_small},
    {"field 0 does not lie within its table", BAD, .bend = field_outside},
    {"field 0 does not lie within its table", BAD, .bend = field_at_0},
    {"field 4 of the table", BAD, .bend = toc_absent},
    {"field 5 of the table", BAD, .bend = info_absent},
    {"a table at", BAD, .bend = toc_far},
    {"4294967295 elements", BAD, .bend = entries_2_32},
    {"1073741824 elements", BAD, .bend = entries_2_30},
    {"a vector at", BAD, .bend = entries_far},
    {"a table at", BAD, .bend = entry_far},
    {"entry 0", BAD, .bend = entry_is_its_vector},
    {"4294967295 elements", BAD, .bend = name_longer},
    {"4294967295 elements", BAD, .bend = digests_2_32},
    {"2147483648 elements", BAD, .bend = checkpoints_2_31},
    {"", BAD, .bend = cut_in_half},
    {"does not lie within the buffer", BAD, .bend = cut_to_nothing},
    {"does not lie within the buffer", BAD, .bend = cut_to_3},
    {"begins at 512, the entry before ends at 512", BAD, .bend = entries_shared},
};

static void each_lie_is_refused_with_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const struct lie *l = &lies[i];
		struct said said = said_well();
		struct err err = {0};
		struct buf b;
		int r;

		if (l->say)
			l->say(&said);
		b = say(&said);
		if (l->bend)
			l->bend(&b);
		r = read_ztoc(&b, COMPRESSION_GZIP, &err);
		if (r != -l->code || (l->why && !strstr(err.text, l->why)))
			fail_msg("lie %zu, \"%s\": %d, %s", i, l->why ? l->why : "", r, err.text);
		buf_free(&b);
	}
}

/* ---- without compression ---- */

SAYS(plain_well, (void)z)
SAYS(plain_span_0, z->span_size = 0)
SAYS(plain_span_below, z->span_size = -512)
SAYS(plain_span_huge, z->span_size = INT64_MAX)
SAYS(plain_of_another, z->size = BLOB - 1)
SAYS(plain_too_few, z->span_size = 100)
SAYS(plain_longer, z->plain = BLOB + 1)

static const struct lie plain_lies[] = {
    {NULL, 0, .say = plain_well},
    {"spans of 0 bytes", BAD, .say = plain_span_0},
    {"spans of -512 bytes", BAD, .say = plain_span_below},
    {"spans of 9223372036854775807", CANT, .say = plain_span_huge},
    {"spans of 512 bytes in 999", BAD, .say = plain_of_another},
    {"2 spans of 100 bytes", BAD, .say = plain_too_few},
    {"an archive of 1001 bytes", BAD, .say = plain_longer},
};

static void so_are_those_of_a_layer_without_compression(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(plain_lies) / sizeof(plain_lies[0]); i++) {
		const struct lie *l = &plain_lies[i];
		struct said said = said_well();
		struct err err = {0};
		struct buf b;
		int r;

		said.algorithm = ZTOC_PLAIN;
		said.plain = BLOB;
		said.entries = 0;
		l->say(&said);
		b = say(&said);
		r = read_ztoc(&b, COMPRESSION_NONE, &err);
		if (r != -l->code || (l->why && !strstr(err.text, l->why)))
			fail_msg("lie %zu, \"%s\": %d, %s", i, l->why ? l->why : "", r, err.text);
		buf_free(&b);
	}
}

/* ---- many ---- */

/* Entries that lead to one table with a long attribute: few bytes that would stand for gigabytes. */
static void strings_cannot_be_shared_without_end(void **state)
{
	enum { COUNT = 2000 };
	struct said said = said_well();
	struct err err = {0};
	struct ztoc z;
	struct buf b;
	struct ztoc_entry *e = calloc(1, sizeof(*e));
	int r = 0;

	(void)state;
	said.entry[1].value = attribute;
	said.entry[1].value_len = 60000;
	b = say(&said);
	assert_int_equal(ztoc_open(b.data, b.len, COMPRESSION_GZIP, BLOB, &z, &err), 0);
	for (int i = 0; !r && i < COUNT; i++) {
		e->end = 0; /* but for that, places would refuse it sooner */
		r = ztoc_entry(&z, 1, e, &err);
	}
	assert_int_equal(r, -EBADMSG);
	assert_non_null(strstr(err.text, "longer in all than the table"));
	ztoc_entry_free(e);
	free(e);
	buf_free(&b);
}

static void ten_million_entries_are_too_many(void **state)
{
	const uint32_t count = 10000000;
	struct said said = said_well();
	struct err err = {0};
	struct buf b;
	uint32_t vector;

	(void)state;
	b = say(&said);
	vector = entries_of_ztoc(&b);
	assert_non_null(buf_reserve(&b, (size_t)count * 4));
	memset(b.data + b.len, 0, (size_t)count * 4);
	b.len += (size_t)count * 4;
	poke32(&b, vector, count);
	assert_int_equal(read_ztoc(&b, COMPRESSION_GZIP, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "10000000 entries"));
	b.len = 0;
	assert_non_null(buf_reserve(&b, ZTOC_MAX + 1));
	memset(b.data, 0, ZTOC_MAX + 1);
	b.len = ZTOC_MAX + 1;
	assert_int_equal(read_ztoc(&b, COMPRESSION_GZIP, &err), -EOPNOTSUPP);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_right_is_taken),
	    cmocka_unit_test(each_lie_is_refused_with_its_sentence),
	    cmocka_unit_test(so_are_those_of_a_layer_without_compression),
	    cmocka_unit_test(strings_cannot_be_shared_without_end),
	    cmocka_unit_test(ten_million_entries_are_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
