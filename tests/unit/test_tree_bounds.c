/* SPDX-License-Identifier: MIT */
/* Some MB of a layer may say a thousandfold of names, links and attributes: what is made of that has
 * a bound, and what repeats costs once. */
#include "tests/unit/tree_make.h"

#define LEN	60000 /* of an attribute's value */
#define LINK	4000  /* of a link's target */
#define TOO_BIG (200u << 20)

/* One entry after another, each with a value or target of `len` bytes of its own. */
static int add_entries(struct toc_writer *w, uint32_t type, size_t count, size_t len, bool repeats,
		       struct err *err)
{
	char path[32], *text = malloc(len + 1);
	int r = 0;

	memset(text, 'x', len);
	text[len] = '\0';
	for (size_t i = 0; !r && i < count; i++) {
		struct xattr x = {.name = "user.a", .value = text, .size = (uint32_t)len};
		struct entry e = {.path = path, .link = "", .mode = type | 0644};

		e.path_len = (size_t)snprintf(path, sizeof(path), "f%zu", i);
		snprintf(text, 16, "%015zu", repeats ? 0 : i);
		text[15] = 'x';
		if (type == S_IFLNK) {
			e.link = text;
			e.link_len = len;
		} else {
			e.xattrs = &x;
			e.xattr_count = 1;
		}
		r = toc_writer_add(w, &e, err);
	}
	free(text);
	return r;
}

static int merge(uint32_t type, size_t count, size_t len, bool repeats, struct err *err)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(toc_writer_close) struct toc_writer *w = NULL;
	AUTO(toc_reader_close) struct toc_reader *reader = NULL;
	autobuf toc = BUF_INIT;

	assert_int_equal(toc_writer_open(&w, err), 0);
	assert_int_equal(add_entries(w, type, count, len, repeats, err), 0);
	assert_int_equal(toc_writer_finish(w, &toc, err), 0);
	assert_int_equal(toc_reader_open(toc.data, toc.len, &reader, err), 0);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, err), 0);
	return tree_merge_layer(m, reader, NULL, err);
}

static void attributes_of_a_tree_have_a_bound(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(merge(S_IFREG, TOO_BIG / LEN, LEN, false, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "take more than 128 MiB"));
	assert_int_equal(merge(S_IFREG, TOO_BIG / LEN, LEN, true, &err), 0);
}

static void targets_of_links_have_a_bound(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(merge(S_IFLNK, TOO_BIG / LINK, LINK, false, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "take more than 128 MiB"));
	assert_int_equal(merge(S_IFLNK, TOO_BIG / LINK, LINK, true, &err), 0);
}

/* It does not compress, so the table of contents itself would grow with the layer. */
static void a_table_of_contents_has_a_bound(void **state)
{
	AUTO(toc_writer_close) struct toc_writer *w = NULL;
	char path[32], value[LEN];
	uint64_t random = 1;
	int r = 0;

	(void)state;
	assert_int_equal(toc_writer_open(&w, NULL), 0);
	for (size_t i = 0; !r && i < (400u << 20) / LEN; i++) {
		struct xattr x = {.name = "user.a", .value = value, .size = LEN};
		struct entry e = {.path = path, .link = "", .mode = S_IFREG, .xattrs = &x};

		e.xattr_count = 1;
		e.path_len = (size_t)snprintf(path, sizeof(path), "f%zu", i);
		for (size_t at = 0; at + sizeof(random) <= LEN; at += sizeof(random)) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			memcpy(value + at, &random, sizeof(random));
		}
		r = toc_writer_add(w, &e, NULL);
	}
	assert_int_equal(r, -EBADMSG);
	assert_true(toc_writer_memory(w) >= 200u << 20 && toc_writer_memory(w) <= 270u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(attributes_of_a_tree_have_a_bound),
	    cmocka_unit_test(targets_of_links_have_a_bound),
	    cmocka_unit_test(a_table_of_contents_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
