/* SPDX-License-Identifier: MIT */
/* What a table of contents says is merged as what an archive says: the rules are the merger's. */
#include "store/layer/layer_index.h"
#include "store/lazy/lazy_table.h"
#include "tests/unit/tree_make.h"

#define ROOT "/ 755 @-\n"

static struct scratch dir;
static struct store *store;

static int open_store(void **state)
{
	char path[64];

	(void)state;
	scratch_open(&dir);
	snprintf(path, sizeof(path), "%s/store", dir.path);
	return store_open(path, &store, NULL);
}

static int drop_store(void **state)
{
	char command[64];

	(void)state;
	store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s/store", dir.path);
	assert_int_equal(system(command), 0);
	scratch_close(&dir);
	return 0;
}

static void write_index(const char *entries, const struct digest *blob)
{
	AUTO(layer_table_close) struct layer_table *index = NULL;
	AUTO(lazy_table_close) struct lazy_table *t = NULL;
	const struct lazy from = {.format = LAZY_ESTARGZ, .landmarks = true, .content_end = 10000};
	const struct layer_claim claim = {blob, blob, 10100, COMPRESSION_GZIP, NULL, 0};
	autobuf json = BUF_INIT;
	struct err err;

	buf_printf(&json, "{\"version\":1,\"entries\":[%s]}", entries);
	assert_int_equal(layer_table_open(store, LAYER_CHECK_DIGESTS, &index, &err), 0);
	assert_int_equal(lazy_table_open(index, &from, &t, &err), 0);
	if (lazy_table_feed(t, json.data, json.len, &err) || lazy_table_finish(t, &err) ||
	    layer_table_finish(index, &claim, &err))
		fail_msg("%s", err.text);
}

static int merge_index(struct tree_merge *m, const struct digest *blob, struct err *err)
{
	AUTO(layer_index_close) struct layer_index *x = NULL;
	AUTO(toc_reader_close) struct toc_reader *toc = NULL;
	int r = layer_index_open(store, blob, LAYER_CHECK_DIGESTS, &x, err);

	if (!r)
		r = layer_index_toc(x, &toc, err);
	return r ? r : tree_merge_layer(m, toc, NULL, err);
}

/* The tree of the tables, as text; "!…" where it is refused with a sentence that holds this. */
static void assert_merged(const char *const tables[], const char *want)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	struct digest blob = {.algorithm = DIGEST_SHA256};
	autobuf text = BUF_INIT;
	struct tree *t;
	struct err err = {0};
	int r = tree_merge_open(TREE_MERGED, &m, &err);

	for (size_t i = 0; !r && tables[i]; i++) {
		blob.bytes[0]++;
		write_index(tables[i], &blob);
		r = merge_index(m, &blob, &err);
	}
	if (*want == '!') {
		assert_int_not_equal(r, 0);
		if (!strstr(err.text, want + 1))
			fail_msg("\"%s\" does not say \"%s\"", err.text, want + 1);
		return;
	}
	if (r)
		fail_msg("%s", err.text);
	t = open_merged(m, &dir, TREE_MERGED);
	dump_tree(t, &text);
	assert_string_equal(text.data, want);
	tree_close(t);
}

#define E(type, name, rest) "{\"type\":\"" type "\",\"name\":\"" name "\",\"mode\":420" rest "}"

static void the_last_of_a_name_wins(void **state)
{
	(void)state;
	assert_merged(
	    (const char *[]){E("reg", "a", ",\"uid\":1") "," E("reg", "./a", ",\"uid\":2") "," E(
				 "reg", "d", "") "," E("dir", "d/", ""),
			     NULL},
	    ROOT "a 644 @0 u2\nd/ 644 @0\n");
}

static void whiteouts_are_entries(void **state)
{
	(void)state;
	assert_merged((const char *[]){E("reg", "a", "") "," E("reg", "d/b", ""),
				       E("reg", ".wh.a", "") "," E("reg", "d/.wh..wh..opq",
								   "") "," E("reg", "d/c", ""),
				       NULL},
		      ROOT "d/ 755 @-\nd/c 644 @1\n");
}

static void no_path_leaves_the_root(void **state)
{
	(void)state;
	assert_merged((const char *[]){E("reg", "../a", ""), NULL}, ROOT "a 644 @0\n");
	assert_merged((const char *[]){E("reg", "a/../../b", ""), NULL}, ROOT "b 644 @0\n");
	assert_merged(
	    (const char *[]){E("reg", "b", "") "," E("hardlink", "a", ",\"linkName\":\"../b\""),
			     NULL},
	    ROOT "a 644 @0 x2\nb 644 @0 x2\n");
	assert_merged((const char *[]){E("reg", ".", ""), NULL}, "!the root is no directory");
}

static void links_that_lead_to_each_other_lead_nowhere(void **state)
{
	static const char *const circles[] = {
	    E("hardlink", "a", ",\"linkName\":\"a\""),
	    E("hardlink", "a", ",\"linkName\":\"b\"") "," E("hardlink", "b", ",\"linkName\":\"a\""),
	    E("hardlink", "a", ",\"linkName\":\"none\""),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(circles) / sizeof(circles[0]); i++)
		assert_merged((const char *[]){circles[i], NULL}, ROOT);
	assert_merged(
	    (const char *[]){E("hardlink", "a", ",\"linkName\":\"/f/\"") "," E("reg", "f", ""),
			     NULL},
	    ROOT "a 644 @0 x2\nf 644 @0 x2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_last_of_a_name_wins),
	    cmocka_unit_test(whiteouts_are_entries),
	    cmocka_unit_test(no_path_leaves_the_root),
	    cmocka_unit_test(links_that_lead_to_each_other_lead_nowhere),
	};

	return cmocka_run_group_tests(tests, open_store, drop_store);
}
