/* SPDX-License-Identifier: MIT */
/* store/tree/tree.h: the file is cut, written to or taken away while the tree is open. */
#include "tests/unit/emulator.h"
#include "tests/unit/tree_make.h"

#define FILES 400

/* A tree of several pages with a bit of everything, in the file "tree". */
static struct tree *make_tree(struct scratch *s)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	const struct timespec past[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	static char text[FILES][64];
	struct tree *t;
	const char *specs[FILES + 5] = {"d d", "f d/attr user.a=1", "s link >d/attr",
					"c null dev=1:3"};
	struct err err;

	scratch_open(s);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	for (int i = 0; i < FILES; i++) {
		snprintf(text[i], sizeof(text[i]), "f d/file-%d size=%d uid=%d", i, i, i);
		specs[4 + i] = text[i];
	}
	assert_int_equal(spec_layer(m, specs, &err), 0);
	tree_close(open_merged(m, s, TREE_MERGED));
	/* Not in this tick of the clock, by which a file system may note a change. */
	assert_int_equal(utimensat(s->fd, "tree", past, 0), 0);
	assert_int_equal(tree_open_at(s->fd, "tree", TREE_MERGED, &t, &err), 0);
	return t;
}

static void put_node(const struct tree *t, uint32_t node, struct buf *out)
{
	const char *target;
	struct tree_run run;
	struct stat st = {0};
	struct xattr x;
	size_t len;
	int r = tree_stat(t, node, &st);

	buf_printf(out, "%d %o %u %lld %u", r, st.st_mode, st.st_uid, (long long)st.st_size,
		   tree_layer(t, node));
	target = tree_symlink(t, node, &len);
	buf_append(out, target ? target : "", target ? len : 0);
	for (uint32_t i = 0; tree_xattr_at(t, node, i, &x); i++) {
		buf_puts(out, x.name);
		buf_append(out, x.value, x.size);
	}
	r = tree_map(t, node, 0, 100, &run);
	buf_printf(out, " %d %llu %d\n", r, (unsigned long long)run.archive, run.hole);
}

/* All that the accessors say, as bytes. */
static void put_all(const struct tree *t, struct buf *out)
{
	struct tree_dirent d;

	for (uint32_t node = 0; node < tree_count(t); node++) {
		put_node(t, node, out);
		buf_printf(out, "%u %u\n", tree_parent(t, node), tree_dir_count(t, node));
		for (uint32_t i = 0; i < 2 * FILES && tree_dir_at(t, node, i, &d); i++) {
			buf_append(out, d.name, d.len);
			buf_printf(out, " %u %u\n", d.node, tree_lookup(t, node, d.name, d.len));
		}
	}
	assert_false(buf_failed(out));
}

static bool equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void what_nobody_touches_is_intact(void **state)
{
	AUTO(tree_close) struct tree *t = NULL;
	autobuf all = BUF_INIT;
	struct scratch s;

	(void)state;
	t = make_tree(&s);
	put_all(t, &all);
	assert_true(tree_intact(t));
	unlinkat(s.fd, "tree", 0);
	assert_true(tree_intact(t)); /* pruned while it is in use */
	scratch_close(&s);
}

/* Whatever the size: inside a page there is no signal, and zeros even so. */
static void a_tree_that_is_cut_is_not_intact(void **state)
{
	struct scratch s;
	struct stat st;

	(void)state;
	needs_fault_address();
	tree_close(make_tree(&s));
	assert_int_equal(fstatat(s.fd, "tree", &st, 0), 0);
	scratch_close(&s);
	for (off_t size = 0; size < st.st_size; size += size < 300 ? 20 : 777) {
		AUTO(tree_close) struct tree *t = make_tree(&s);
		autobuf all = BUF_INIT;
		int fd = openat(s.fd, "tree", O_WRONLY);

		assert_int_equal(ftruncate(fd, size), 0);
		put_all(t, &all);
		assert_false(tree_intact(t));
		close(fd);
		scratch_close(&s);
	}
}

static void a_tree_that_grows_back_is_not_intact(void **state)
{
	AUTO(tree_close) struct tree *t = NULL;
	autobuf before = BUF_INIT, after = BUF_INIT;
	struct scratch s;
	struct stat st;
	int fd;

	(void)state;
	t = make_tree(&s);
	fd = openat(s.fd, "tree", O_WRONLY);
	assert_int_equal(fstat(fd, &st), 0);
	put_all(t, &before);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, st.st_size), 0);
	put_all(t, &after);
	assert_false(equal(&before, &after));
	assert_false(tree_intact(t));
	close(fd);
	scratch_close(&s);
}

static void a_tree_that_is_written_to_is_not_intact(void **state)
{
	AUTO(tree_close) struct tree *t = NULL;
	struct scratch s;
	int fd;

	(void)state;
	t = make_tree(&s);
	fd = openat(s.fd, "tree", O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, 5000), 1);
	assert_false(tree_intact(t));
	close(fd);
	scratch_close(&s);
}

static void it_is_made_again_byte_by_byte(void **state)
{
	AUTO(tree_close) struct tree *t = NULL, *again = NULL;
	struct scratch s, other;

	(void)state;
	t = make_tree(&s);
	again = make_tree(&other);
	assert_int_equal(tree_checksum(t), tree_checksum(again));
	scratch_close(&s);
	scratch_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_nobody_touches_is_intact),
	    cmocka_unit_test(a_tree_that_is_cut_is_not_intact),
	    cmocka_unit_test(a_tree_that_grows_back_is_not_intact),
	    cmocka_unit_test(a_tree_that_is_written_to_is_not_intact),
	    cmocka_unit_test(it_is_made_again_byte_by_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
