/* SPDX-License-Identifier: MIT */
/* The four ways of GNU tar to write a sparse file, by hand: good ones, and what is refused. */
#include "tests/unit/tar_make.h"

#include <sys/stat.h>

/* An old GNU header; `sparse` stands at its place in the header, the real size behind it. */
static void make_old_header(struct tar_make *m, const char *sparse, size_t len, int64_t stored,
			    int64_t size, bool extended)
{
	uint8_t *block;

	make_header(m, &(struct tar_fields){
			   .type = 'S', .name = "sparse", .size = stored, .format = "gnu"});
	block = (uint8_t *)m->buf.data + m->buf.len - 512;
	memcpy(block + 386, sparse, len);
	block[482] = extended;
	make_number(block + 483, 12, size);
	make_checksum(block, false);
}

#define PAIR(offset, length)                                                                       \
	"0000000" offset "\0"                                                                      \
	"0000000" length "\0"

static void assert_map(const struct tar_item *item, uint64_t size, uint64_t stored,
		       const struct extent *want, uint32_t count)
{
	assert_entry(item, "sparse", S_IFREG | 0644, size);
	assert_int_equal(item->e.stored, stored);
	assert_int_equal(item->e.extent_count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(item->e.extents[i].offset, want[i].offset);
		assert_int_equal(item->e.extents[i].length, want[i].length);
	}
}

static void test_old_map_in_the_header(void **state)
{
	static const char map[] = PAIR("1000", "0010") PAIR("4000", "0001") PAIR("7777", "0000");
	static const struct extent want[] = {{01000, 8}, {04000, 1}};
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_old_header(&m, map, sizeof(map) - 1, 9, 07777, false);
	make_data(&m, "123456789", 9);
	make_header(&m, &(struct tar_fields){.name = "next"});
	l = list_of(&m);
	assert_int_equal(l->count, 2);
	assert_map(&l->items[0], 07777, 9, want, 2);
	assert_int_equal(l->items[0].e.data, 512);
}

static void test_old_map_goes_on_in_blocks(void **state)
{
	static const struct extent want[] = {{01000, 8}, {04000, 1}, {05000, 2}};
	static const char first[] = PAIR("1000", "0010");
	static const char second[] = PAIR("4000", "0001"), third[] = PAIR("5000", "0002");
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_old_header(&m, first, sizeof(first) - 1, 11, 06000, true);
	make_data(&m, second, sizeof(second) - 1);
	m.buf.data[512 + 504] = 1;
	make_data(&m, third, sizeof(third) - 1);
	make_data(&m, "12345678901", 11);
	make_header(&m, &(struct tar_fields){.name = "next"});
	l = list_of(&m);
	assert_int_equal(l->count, 2);
	assert_map(&l->items[0], 06000, 11, want, 3);
	assert_int_equal(l->items[0].e.data, 3 * 512);
}

static void test_old_map_wants_a_gnu_header(void **state)
{
	struct tar_make m = {0};

	(void)state;
	make_header(&m, &(struct tar_fields){.type = 'S', .name = "sparse"});
	assert_refused(&m, "GNU");
}

static void test_hole_alone_keeps_one_empty_extent(void **state)
{
	static const struct extent want[] = {{0, 0}};
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_pax(&m, 'x',
		 (const char *const[]){"GNU.sparse.major=0", "GNU.sparse.minor=1",
				       "GNU.sparse.size=5000", "GNU.sparse.numblocks=1",
				       "GNU.sparse.map=5000,0", NULL});
	make_header(&m, &(struct tar_fields){.name = "sparse"});
	l = list_of(&m);
	assert_map(&l->items[0], 5000, 0, want, 1);
}

static void test_map_of_pax_records(void **state)
{
	static const char *const ways[][9] = {
	    {"GNU.sparse.size=5000", "GNU.sparse.numblocks=2", "GNU.sparse.offset=10",
	     "GNU.sparse.numbytes=3", "GNU.sparse.offset=4000", "GNU.sparse.numbytes=2", NULL},
	    {"GNU.sparse.major=0", "GNU.sparse.minor=0", "GNU.sparse.realsize=5000",
	     "GNU.sparse.numblocks=2", "GNU.sparse.offset=10", "GNU.sparse.numbytes=3",
	     "GNU.sparse.offset=4000", "GNU.sparse.numbytes=2", NULL},
	    {"GNU.sparse.map=10,3,4000,2", "GNU.sparse.size=5000", "GNU.sparse.numblocks=2",
	     "GNU.sparse.name=./sparse", NULL},
	};
	static const struct extent want[] = {{10, 3}, {4000, 2}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		AUTO(tar_list_close) struct tar_list *l = NULL;
		struct tar_make m = {0};

		make_pax(&m, 'x', ways[i]);
		make_header(
		    &m, &(struct tar_fields){.name = i == 2 ? "GNUSparseFile.0/sparse" : "sparse",
					     .size = 5});
		make_data(&m, "12345", 5);
		make_header(&m, &(struct tar_fields){.name = "next"});
		l = list_of(&m);
		assert_int_equal(l->count, 2);
		assert_map(&l->items[0], 5000, 5, want, 2);
		assert_int_equal(l->items[1].e.extent_count, 0);
	}
}

static void make_1_0(struct tar_make *m, const char *size, const char *map, size_t map_len,
		     int64_t stored)
{
	autobuf record = BUF_INIT;

	buf_printf(&record, "GNU.sparse.realsize=%s", size);
	make_pax(m, 'x',
		 (const char *const[]){"GNU.sparse.major=1", "GNU.sparse.minor=0",
				       "GNU.sparse.name=sparse", record.data, NULL});
	make_header(m, &(struct tar_fields){.name = "GNUSparseFile.0/sparse", .size = stored});
	make_data(m, map, map_len);
}

static void test_map_in_front_of_the_data(void **state)
{
	static const struct extent want[] = {{10, 3}, {4000, 2}};
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_1_0(&m, "5000", "2\n10\n3\n4000\n2\n", 14, 512 + 5);
	make_data(&m, "12345", 5);
	make_header(&m, &(struct tar_fields){.name = "next"});
	l = list_of(&m);
	assert_int_equal(l->count, 2);
	assert_map(&l->items[0], 5000, 5, want, 2);
	assert_int_equal(l->items[0].e.data, 4 * 512);
}

static void test_long_map_in_front_of_the_data(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	autobuf map = BUF_INIT;
	struct tar_make m = {0};
	size_t padded;

	(void)state;
	buf_puts(&map, "300\n");
	for (int i = 0; i < 300; i++)
		buf_printf(&map, "%d\n1\n", 10 + 2 * i);
	padded = (map.len + 511) & ~511ul;
	make_1_0(&m, "5000", map.data, map.len, (int64_t)padded + 300);
	make_zeros(&m, 512);
	make_header(&m, &(struct tar_fields){.name = "next"});
	l = list_of(&m);
	assert_int_equal(l->count, 2);
	assert_int_equal(l->items[0].e.extent_count, 300);
	assert_int_equal(l->items[0].e.stored, 300);
}

static void test_touching_extents_are_joined(void **state)
{
	static const struct extent want[] = {{10, 5}};
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_1_0(&m, "100", "3\n10\n3\n13\n2\n15\n0\n", 18, 512 + 5);
	make_data(&m, "12345", 5);
	l = list_of(&m);
	assert_map(&l->items[0], 100, 5, want, 1);
}

static void test_bad_maps_are_refused(void **state)
{
	static const struct {
		const char *size, *map;
		int64_t stored;
		const char *why;
	} cases[] = {
	    {"100", "2\n10\n3\n12\n2\n", 512 + 5, "order"},   /* overlapping */
	    {"100", "2\n20\n3\n10\n2\n", 512 + 5, "order"},   /* backwards */
	    {"100", "1\n99\n2\n", 512 + 2, "beyond"},	      /* behind the end */
	    {"100", "1\n10\n2\n", 512 + 3, "does not match"}, /* data that no extent has */
	    {"100", "1\n10\n2\n", 512 + 1, "does not match"}, /* an extent without data */
	    {"100", "1\n-1\n2\n", 512 + 2, "malformed"},
	    {"100", "1\n10\n-2\n", 512, "malformed"},
	    {"100", "-1\n", 512, "malformed"},
	    {"100", "x\n", 512, "malformed"},
	    {"100", "1\n1x\n2\n", 512 + 2, "malformed"},
	    {"100", "1\n9223372036854775807\n2\n", 512 + 2, "malformed"},
	    {"100", "1\n9223372036854775808\n2\n", 512 + 2, "malformed"},
	    {"100", "9999999\n", 512, "malformed"},
	    {"-1", "0\n", 512, "malformed"},
	    {"100", "1\n1\n", 512, "longer than its file"}, /* map runs out of its file */
	    {"4611686018427387904", "1\n10\n2\n", 512 + 3, "does not match"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tar_make m = {0};

		make_1_0(&m, cases[i].size, cases[i].map, strlen(cases[i].map), cases[i].stored);
		make_zeros(&m, 512);
		assert_refused(&m, cases[i].why);
	}
}

static void test_bad_pax_maps_are_refused(void **state)
{
	static const char *const cases[][6] = {
	    {"GNU.sparse.map=1,2", "GNU.sparse.numblocks=2", "GNU.sparse.size=9", NULL},
	    {"GNU.sparse.map=1,2", "GNU.sparse.size=9", NULL},
	    {"GNU.sparse.map=1,2,", "GNU.sparse.numblocks=1", "GNU.sparse.size=9", NULL},
	    {"GNU.sparse.map=1", "GNU.sparse.numblocks=1", "GNU.sparse.size=9", NULL},
	    {"GNU.sparse.map=1,2,3", "GNU.sparse.numblocks=1", "GNU.sparse.size=9", NULL},
	    {"GNU.sparse.offset=1", "GNU.sparse.numblocks=1", "GNU.sparse.size=9", NULL},
	    {"GNU.sparse.numbytes=1", "GNU.sparse.offset=1", "GNU.sparse.numblocks=1", NULL},
	    {"GNU.sparse.offset=1", "GNU.sparse.offset=1", "GNU.sparse.numbytes=2",
	     "GNU.sparse.numblocks=1", NULL},
	    {"GNU.sparse.map=1,2", "GNU.sparse.numblocks=1", "GNU.sparse.size=x", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tar_make m = {0};

		make_pax(&m, 'x', cases[i]);
		make_header(&m, &(struct tar_fields){.name = "sparse", .size = 2});
		make_data(&m, "12", 2);
		assert_refused(&m, "");
	}
}

static void test_unknown_version_is_a_plain_file(void **state)
{
	AUTO(tar_list_close) struct tar_list *l = NULL;
	struct tar_make m = {0};

	(void)state;
	make_pax(&m, 'x',
		 (const char *const[]){"GNU.sparse.major=2", "GNU.sparse.minor=0",
				       "GNU.sparse.name=other", "GNU.sparse.realsize=99", NULL});
	make_header(&m, &(struct tar_fields){.name = "sparse", .size = 2});
	make_data(&m, "12", 2);
	l = list_of(&m);
	assert_map(&l->items[0], 2, 2, NULL, 0);
}

static void test_map_bombs_are_refused(void **state)
{
	struct tar_make m = {0}, old = {0};

	(void)state;
	make_1_0(&m, "100", "500000\n", 7, 4 << 20);
	make_zeros(&m, 2 << 20); /* never enough lines */
	assert_refused(&m, "1 MiB");

	make_old_header(&old, "", 0, 0, 0, true);
	for (int i = 0; i < 2049; i++) {
		make_zeros(&old, 512);
		old.buf.data[old.buf.len - 512 + 504] = 1;
	}
	assert_refused(&old, "1 MiB");
}

static void test_only_files_are_sparse(void **state)
{
	struct tar_make m = {0};

	(void)state;
	make_pax(&m, 'x',
		 (const char *const[]){"GNU.sparse.map=1,2", "GNU.sparse.numblocks=1",
				       "GNU.sparse.size=9", NULL});
	make_header(&m, &(struct tar_fields){.type = '5', .name = "sparse"});
	assert_refused(&m, "sparse");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_old_map_in_the_header),
	    cmocka_unit_test(test_old_map_goes_on_in_blocks),
	    cmocka_unit_test(test_old_map_wants_a_gnu_header),
	    cmocka_unit_test(test_hole_alone_keeps_one_empty_extent),
	    cmocka_unit_test(test_map_of_pax_records),
	    cmocka_unit_test(test_map_in_front_of_the_data),
	    cmocka_unit_test(test_long_map_in_front_of_the_data),
	    cmocka_unit_test(test_touching_extents_are_joined),
	    cmocka_unit_test(test_bad_maps_are_refused),
	    cmocka_unit_test(test_bad_pax_maps_are_refused),
	    cmocka_unit_test(test_unknown_version_is_a_plain_file),
	    cmocka_unit_test(test_map_bombs_are_refused),
	    cmocka_unit_test(test_only_files_are_sparse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
