/* SPDX-License-Identifier: MIT */
/* store/tree/tree.h: the file, its damage, its limits. The rules of merging: test_tree_merge.c. */
#include "tests/unit/tree_make.h"

static struct tree *tree_of(const char *const *specs, struct scratch *s)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	struct err err;

	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(spec_layer(m, specs, &err), 0);
	return open_merged(m, s, TREE_MERGED);
}

static struct tree *tree_of_entry(const struct entry *e, struct scratch *s)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(toc_writer_close) struct toc_writer *w = NULL;
	AUTO(toc_reader_close) struct toc_reader *r = NULL;
	autobuf toc = BUF_INIT;
	struct err err;

	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(toc_writer_open(&w, &err), 0);
	assert_int_equal(toc_writer_add(w, e, &err), 0);
	assert_int_equal(toc_writer_finish(w, &toc, &err), 0);
	assert_int_equal(toc_reader_open(toc.data, toc.len, &r, &err), 0);
	assert_int_equal(tree_merge_layer(m, r, NULL, &err), 0);
	return open_merged(m, s, TREE_MERGED);
}

static void test_stat_says_all(void **state)
{
	AUTO(tree_close) struct tree *t = NULL;
	struct entry e = {.path = "f",
			  .path_len = 1,
			  .link = "",
			  .mode = S_IFREG | 02755,
			  .uid = 4000000000,
			  .gid = 5,
			  .size = 1025,
			  .stored = 1025,
			  .mtime = 3,
			  .mtime_ns = 999999999,
			  .data = 512};
	struct scratch s;
	struct stat st;

	(void)state;
	scratch_open(&s);
	t = tree_of_entry(&e, &s);
	assert_int_equal(tree_count(t), 2);
	assert_int_equal(tree_stat(t, 1, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 02755);
	assert_int_equal(st.st_uid, 4000000000);
	assert_int_equal(st.st_gid, 5);
	assert_int_equal(st.st_size, 1025);
	assert_int_equal(st.st_blocks, 3);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_mtim.tv_sec, 3);
	assert_int_equal(st.st_mtim.tv_nsec, 999999999);
	assert_int_equal(st.st_ctim.tv_sec, 3);
	assert_int_equal(st.st_atim.tv_sec, 3);
	scratch_close(&s);
}

static void test_nothing_behind_the_last_node(void **state)
{
	AUTO(tree_close) struct tree *t = NULL;
	struct scratch s;
	struct tree_dirent d;
	struct tree_run run;
	struct xattr x;
	struct stat st;
	size_t len;

	(void)state;
	scratch_open(&s);
	t = tree_of((const char *const[]){"f a user.x=1", NULL}, &s);
	for (uint32_t node = 2; node; node = node == 2 ? UINT32_MAX : 0) {
		assert_int_equal(tree_stat(t, node, &st), -EBADMSG);
		assert_int_equal(tree_layer(t, node), TREE_NONE);
		assert_int_equal(tree_lookup(t, node, "a", 1), TREE_NONE);
		assert_int_equal(tree_parent(t, node), TREE_NONE);
		assert_int_equal(tree_dir_count(t, node), 0);
		assert_false(tree_dir_at(t, node, 0, &d));
		assert_null(tree_symlink(t, node, &len));
		assert_false(tree_xattr_at(t, node, 0, &x));
		assert_int_equal(tree_map(t, node, 0, 1, &run), -EBADMSG);
	}
	assert_false(tree_dir_at(t, TREE_ROOT, 1, &d));
	assert_false(tree_xattr_at(t, 1, 1, &x));
	assert_int_equal(tree_map(t, TREE_ROOT, 0, 1, &run), -EBADMSG);
	assert_null(tree_symlink(t, 1, &len));
	scratch_close(&s);
}

static void test_numbers_follow_layers_and_archives(void **state)
{
	static const char *const names[] = {"z", "dir/y", "m", "a", "dir/x"};
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(tree_close) struct tree *t = NULL;
	struct scratch s;
	struct err err;
	uint32_t before = 0;

	(void)state;
	scratch_open(&s);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(
	    spec_layer(m, (const char *const[]){"f z", "f a", "d dir", "f dir/y", "f m", NULL},
		       &err),
	    0);
	assert_int_equal(spec_layer(m, (const char *const[]){"f a", "f dir/x", NULL}, &err), 0);
	t = open_merged(m, &s, TREE_MERGED);
	for (size_t i = 0; i < 5; i++) {
		uint32_t dir = names[i][1] ? tree_lookup(t, TREE_ROOT, "dir", 3) : TREE_ROOT;
		const char *name = names[i][1] ? names[i] + 4 : names[i];
		uint32_t node = tree_lookup(t, dir, name, 1);

		assert_true(node != TREE_NONE && node > before);
		before = node;
	}
	scratch_close(&s);
}

static void check_run(const struct tree *t, uint64_t offset, uint64_t len, bool hole,
		      uint64_t length, uint64_t archive)
{
	struct tree_run run;

	assert_int_equal(tree_map(t, 1, offset, len, &run), 0);
	assert_int_equal(run.length, length);
	if (!length)
		return;
	assert_int_equal(run.hole, hole);
	if (!hole)
		assert_int_equal(run.archive, archive);
}

static void test_map_of_a_plain_file(void **state)
{
	AUTO(tree_close) struct tree *t = NULL;
	struct scratch s;

	(void)state;
	scratch_open(&s);
	t = tree_of((const char *const[]){"f a size=100", NULL}, &s);
	check_run(t, 0, 1000, false, 100, 512);
	check_run(t, 10, 20, false, 20, 522);
	check_run(t, 100, 1, false, 0, 0);
	check_run(t, UINT64_MAX, UINT64_MAX, false, 0, 0);
	scratch_close(&s);
}

static void test_map_of_a_sparse_file(void **state)
{
	static const struct extent map[] = {{10, 5}, {20, 1}, {30, 70}};
	struct entry e = {.path = "f",
			  .path_len = 1,
			  .link = "",
			  .mode = S_IFREG | 0644,
			  .size = 110,
			  .stored = 76,
			  .data = 1000,
			  .extents = map,
			  .extent_count = 3};
	AUTO(tree_close) struct tree *t = NULL;
	struct scratch s;
	struct stat st;

	(void)state;
	scratch_open(&s);
	t = tree_of_entry(&e, &s);
	check_run(t, 0, 1000, true, 10, 0);
	check_run(t, 3, 4, true, 4, 0);
	check_run(t, 10, 1000, false, 5, 1000);
	check_run(t, 14, 1000, false, 1, 1004);
	check_run(t, 15, 1000, true, 5, 0);
	check_run(t, 20, 1000, false, 1, 1005);
	check_run(t, 21, 1000, true, 9, 0);
	check_run(t, 40, 10, false, 10, 1016);
	check_run(t, 99, 1000, false, 1, 1075);
	check_run(t, 100, 1000, true, 10, 0);
	check_run(t, 110, 1, true, 0, 0);
	assert_int_equal(tree_stat(t, 1, &st), 0);
	assert_int_equal(st.st_size, 110);
	assert_int_equal(st.st_blocks, 1);
	scratch_close(&s);
}

static void test_map_of_a_file_that_is_one_hole(void **state)
{
	static const struct extent map[] = {{0, 0}};
	struct entry e = {.path = "f",
			  .path_len = 1,
			  .link = "",
			  .mode = S_IFREG | 0644,
			  .size = 4096,
			  .extents = map,
			  .extent_count = 1};
	AUTO(tree_close) struct tree *t = NULL;
	struct scratch s;

	(void)state;
	scratch_open(&s);
	t = tree_of_entry(&e, &s);
	check_run(t, 0, 10000, true, 4096, 0);
	check_run(t, 4095, 10000, true, 1, 0);
	scratch_close(&s);
}

static int reopen(struct scratch *s, enum tree_kind kind)
{
	AUTO(tree_close) struct tree *t = NULL;
	struct err err;

	return tree_open_at(s->fd, "tree", kind, &t, &err);
}

static void test_damaged_file_is_refused_at_open(void **state)
{
	AUTO(tree_close) struct tree *t = NULL;
	autoclose int fd = -1;
	struct scratch s;
	struct stat st;

	(void)state;
	scratch_open(&s);
	t = tree_of((const char *const[]){"d d", "f d/a user.a=1", "s l >d", "c n dev=1:3", NULL},
		    &s);
	fd = openat(s.fd, "tree", O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(reopen(&s, TREE_MERGED), 0);
	assert_int_equal(reopen(&s, TREE_DIFF), -ENOENT);
	for (off_t at = 0; at < st.st_size; at++) {
		uint8_t byte, bad;

		assert_int_equal(pread(fd, &byte, 1, at), 1);
		bad = byte ^ 0x10;
		assert_int_equal(pwrite(fd, &bad, 1, at), 1);
		assert_int_equal(reopen(&s, TREE_MERGED), -ENOENT);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	assert_int_equal(reopen(&s, TREE_MERGED), 0);
	for (off_t size = st.st_size - 1; size >= 0; size -= 7) {
		assert_int_equal(ftruncate(fd, size), 0);
		assert_int_equal(reopen(&s, TREE_MERGED), -ENOENT);
	}
	scratch_close(&s);
}

static void test_names_that_no_kernel_takes_are_dropped(void **state)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(tree_close) struct tree *t = NULL;
	autobuf deep = BUF_INIT, name = BUF_INIT, dir = BUF_INIT, target = BUF_INIT,
		text = BUF_INIT;
	struct scratch s;
	struct err err;

	(void)state;
	buf_printf(&name, "f %0256d", 0);
	buf_printf(&dir, "f %04095d/x", 0);
	buf_printf(&target, "s s >%04096d", 0);
	buf_puts(&deep, "f a");
	for (int i = 0; i < 1024; i++)
		buf_puts(&deep, "/a");
	scratch_open(&s);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(spec_layer(m,
				    (const char *const[]){name.data, dir.data, target.data,
							  deep.data, "f kept", NULL},
				    &err),
			 0);
	t = open_merged(m, &s, TREE_MERGED);
	assert_int_equal(tree_dropped(t), 4);
	dump_tree(t, &text);
	assert_string_equal(text.data, "/ 755 @-\nkept 644 @0\n");
	scratch_close(&s);
}

/* Symlinks must not lead deeper than paths may. */
static void test_depth_is_bounded_through_symlinks(void **state)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(tree_close) struct tree *t = NULL;
	autobuf deep = BUF_INIT, link = BUF_INIT, through = BUF_INIT;
	struct scratch s;
	struct err err;

	(void)state;
	buf_puts(&deep, "d a");
	for (int i = 1; i < 1000; i++)
		buf_puts(&deep, "/a");
	buf_printf(&link, "s l >%s", deep.data + 2);
	buf_printf(&through, "d l%s/b", deep.data + 3);
	scratch_open(&s);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(
	    spec_layer(m, (const char *const[]){deep.data, link.data, through.data, NULL}, &err),
	    0);
	t = open_merged(m, &s, TREE_MERGED);
	assert_int_equal(tree_dropped(t), 1);
	scratch_close(&s);
}

/* How many entries were left out. */
static uint32_t merge_chain(int hops)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(tree_close) struct tree *t = NULL;
	struct scratch s;
	static char links[64][16];
	static const char *specs[66];
	struct err err;

	for (int i = 0; i < hops; i++) {
		snprintf(links[i], sizeof(links[i]), "s l%d >l%d", i, i + 1);
		specs[i] = links[i];
	}
	specs[hops] = "f l0/x";
	specs[hops + 1] = NULL;
	scratch_open(&s);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(spec_layer(m, specs, &err), 0);
	t = open_merged(m, &s, TREE_MERGED);
	scratch_close(&s);
	return tree_dropped(t);
}

static void test_forty_symlinks_are_followed(void **state)
{
	(void)state;
	assert_int_equal(merge_chain(40), 0);
	assert_int_equal(merge_chain(41), 1);
}

/* Short paths that symlinks make long, again and again: refused before it takes long. */
static void test_work_for_symlinks_is_bounded(void **state)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	static char links[39][4100], files[4000][16];
	static const char *specs[4040];
	struct err err;

	(void)state;
	for (int i = 0; i < 39; i++) {
		int len = snprintf(links[i], sizeof(links[i]), "s l%d >", i);

		memset(links[i] + len, '.', 4000);
		for (int k = 1; k < 4000; k += 2)
			links[i][len + k] = '/';
		snprintf(links[i] + len + 4000, 8, "l%d", i + 1);
		specs[i] = links[i];
	}
	for (int i = 0; i < 4000; i++) { /* two parents in turns: none is the one of before */
		snprintf(files[i], sizeof(files[i]), "f l%d/x%d", i % 2, i);
		specs[39 + i] = files[i];
	}
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(spec_layer(m, specs, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "symlinks"));
}

static void test_longest_names_and_targets_are_kept(void **state)
{
	AUTO(tree_close) struct tree *t = NULL;
	autobuf name = BUF_INIT, target = BUF_INIT;
	struct scratch s;
	size_t len;

	(void)state;
	buf_printf(&name, "f %0255d", 0);
	buf_printf(&target, "s s >%04095d", 0);
	scratch_open(&s);
	t = tree_of((const char *const[]){name.data, target.data, NULL}, &s);
	assert_int_equal(tree_dropped(t), 0);
	assert_int_equal(tree_lookup(t, TREE_ROOT, name.data + 2, 255), 1);
	assert_int_equal(tree_lookup(t, TREE_ROOT, name.data + 2, 254), TREE_NONE);
	assert_string_equal(tree_symlink(t, 2, &len), target.data + 5);
	assert_int_equal(len, 4095);
	scratch_close(&s);
}

/* 30,000 files in one directory, all of them hidden but for one in the layer above. */
static void test_large_directory(void **state)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(tree_close) struct tree *t = NULL;
	static char text[30001][24];
	static const char *specs[30002];
	struct scratch s;
	struct err err;

	(void)state;
	scratch_open(&s);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	for (int i = 0; i < 30000; i++) {
		snprintf(text[i], sizeof(text[i]), "f d/%d", i);
		specs[i] = text[i];
	}
	assert_int_equal(spec_layer(m, specs, &err), 0);
	t = open_merged(m, &s, TREE_MERGED);
	assert_int_equal(tree_count(t), 30002);
	for (int i = 0; i < 30000; i++)
		assert_int_equal(tree_lookup(t, 1, text[i] + 4, strlen(text[i] + 4)), i + 2);
	tree_close(steal(&t));
	for (int i = 0; i < 30000; i++)
		snprintf(text[i], sizeof(text[i]), "f d/.wh.%d", i + 1);
	assert_int_equal(spec_layer(m, specs, &err), 0);
	t = open_merged(m, &s, TREE_MERGED);
	assert_int_equal(tree_count(t), 3);
	assert_int_equal(tree_lookup(t, 1, "0", 1), 2);
	scratch_close(&s);
}

static void test_cancel_ends_the_merge(void **state)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(toc_writer_close) struct toc_writer *w = NULL;
	AUTO(toc_reader_close) struct toc_reader *r = NULL;
	autobuf toc = BUF_INIT;
	struct cancel cancel;
	struct err err;

	(void)state;
	cancel_init(&cancel);
	cancel_set(&cancel);
	assert_int_equal(toc_writer_open(&w, &err), 0);
	spec_add(w, "f a", 0);
	assert_int_equal(toc_writer_finish(w, &toc, &err), 0);
	assert_int_equal(toc_reader_open(toc.data, toc.len, &r, &err), 0);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(tree_merge_layer(m, r, &cancel, &err), -EINTR);
	cancel_destroy(&cancel);
}

static void remove_store(const char *path)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", path);
	assert_int_equal(system(command), 0);
}

static void test_published_tree_is_found_by_its_layers(void **state)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	char path[] = "/tmp/store-XXXXXX";
	struct layer_name layers[2] = {0};
	struct store *store = NULL;
	struct tree *t = NULL;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(store_open(path, &store, &err), 0);
	assert_int_equal(digest_of(DIGEST_SHA256, "1", 1, &layers[0].blob, &err), 0);
	assert_int_equal(digest_of(DIGEST_SHA256, "2", 1, &layers[1].blob, &err), 0);
	assert_int_equal(tree_open(store, TREE_MERGED, layers, 1, &t, &err), -ENOENT);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(spec_layer(m, (const char *const[]){"f a", NULL}, &err), 0);
	assert_int_equal(tree_merge_publish(m, store, layers, 1, &err), 0);
	if (tree_open(store, TREE_MERGED, layers, 1, &t, &err))
		fail_msg("%s", err.text);
	assert_int_equal(tree_lookup(t, TREE_ROOT, "a", 1), 1);
	tree_close(t);
	assert_int_equal(tree_open(store, TREE_DIFF, layers, 1, &t, &err), -ENOENT);
	assert_int_equal(tree_open(store, TREE_MERGED, layers, 2, &t, &err), -ENOENT);
	assert_int_equal(tree_open(store, TREE_MERGED, layers + 1, 1, &t, &err), -ENOENT);
	layers[0].check = LAYER_CHECK_DIGESTS; /* by its table it is another tree */
	assert_int_equal(tree_open(store, TREE_MERGED, layers, 1, &t, &err), -ENOENT);
	store_close(store);
	remove_store(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stat_says_all),
	    cmocka_unit_test(test_nothing_behind_the_last_node),
	    cmocka_unit_test(test_numbers_follow_layers_and_archives),
	    cmocka_unit_test(test_map_of_a_plain_file),
	    cmocka_unit_test(test_map_of_a_sparse_file),
	    cmocka_unit_test(test_map_of_a_file_that_is_one_hole),
	    cmocka_unit_test(test_damaged_file_is_refused_at_open),
	    cmocka_unit_test(test_names_that_no_kernel_takes_are_dropped),
	    cmocka_unit_test(test_depth_is_bounded_through_symlinks),
	    cmocka_unit_test(test_forty_symlinks_are_followed),
	    cmocka_unit_test(test_work_for_symlinks_is_bounded),
	    cmocka_unit_test(test_longest_names_and_targets_are_kept),
	    cmocka_unit_test(test_large_directory),
	    cmocka_unit_test(test_cancel_ends_the_merge),
	    cmocka_unit_test(test_published_tree_is_found_by_its_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
