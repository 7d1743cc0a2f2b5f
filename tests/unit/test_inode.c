/* SPDX-License-Identifier: MIT */
#include "fs/core/inode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int freed;

static void free_it(struct inode *i)
{
	freed++;
	free(i->path);
	free(i);
}

static struct inode *make(const char *path)
{
	struct inode *i = calloc(1, sizeof(*i));

	i->path = strdup(path);
	i->free = free_it;
	return i;
}

static struct inode *make_own(const char *path)
{
	struct inode *i = make(path);

	i->own = true;
	return i;
}

static struct inodes *table(void)
{
	struct inodes *t;

	freed = 0;
	assert_int_equal(inodes_open(&t, NULL), 0);
	return t;
}

static void one_path_is_one_inode(void **state)
{
	struct inodes *t = table();
	struct inode *a = inodes_add(t, INODE_VNODE, make("images"));

	(void)state;
	assert_ptr_equal(inodes_add(t, INODE_VNODE, make("images")), a);
	assert_int_equal(freed, 1);
	assert_ptr_equal(inodes_find(t, INODE_VNODE, "images"), a);
	assert_int_equal(a->lookups, 3);
	assert_null(inodes_find(t, INODE_VIEW, "images"));
	inodes_close(t);
	assert_int_equal(freed, 2);
}

static void what_is_held_outlives_its_last_lookup(void **state)
{
	struct inodes *t = table();
	struct inode *root = inodes_add(t, INODE_VNODE, make(""));
	struct inode *a = inodes_add(t, INODE_VNODE, make_own("own"));
	struct inode *b = inodes_add(t, INODE_VIEW, make("images/a/rootfs"));
	uint64_t view = (uint64_t)b->number << 32 | 7;

	(void)state;
	assert_int_equal(root->number, INODE_ROOT);
	assert_ptr_equal(inodes_hold(t, a->number), a);
	assert_ptr_equal(inodes_hold(t, view), b);
	assert_ptr_equal(inodes_hold(t, view), b);
	assert_null(inodes_hold(t, 4711));
	assert_int_equal(inodes_held(t, "images/a", INODES_ALL), 1); /* a hold is no use */
	inodes_forget(t, a->number, 1);
	inodes_forget(t, (uint64_t)b->number << 32 | INODE_VIEW_ROOT, 1);
	assert_int_equal(freed, 0);
	inodes_let_go(t, a);
	assert_int_equal(freed, 1);
	inodes_let_go(t, b);
	assert_int_equal(freed, 1);
	/* As long as it is there, the kernel may come to know it again. */
	assert_ptr_equal(inodes_find(t, INODE_VIEW, "images/a/rootfs"), b);
	inodes_let_go(t, b);
	assert_int_equal(freed, 1);
	inodes_forget(t, (uint64_t)b->number << 32 | INODE_VIEW_ROOT, 1);
	assert_int_equal(freed, 2);
	inodes_let_go(t, NULL);
	inodes_close(t);
}

static void note_path(void *arg, const char *path)
{
	strcat(arg, path);
	strcat(arg, " ");
}

static void an_own_inode_is_never_shared(void **state)
{
	struct inodes *t = table();
	struct inode *a = inodes_add(t, INODE_VNODE, make_own("ctl/own"));
	struct inode *b = inodes_add(t, INODE_VNODE, make_own("ctl/own"));
	char paths[64] = "";

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_int_not_equal(a->number, b->number);
	assert_null(inodes_find(t, INODE_VNODE, "ctl/own"));
	assert_int_equal(inodes_held(t, "ctl", INODES_ALL), 0);
	inodes_each_path(t, "ctl", note_path, paths);
	assert_string_equal(paths, "");
	inodes_close(t);
}

static void what_keeps_a_file_open_is_found_by_its_path(void **state)
{
	struct inodes *t = table();
	struct inode *a = inodes_add(t, INODE_VNODE, make_own("a/own"));
	struct inode *b = inodes_add(t, INODE_VNODE, make("a/b"));
	char all[64] = "", open[64] = "";

	(void)state;
	inodes_add(t, INODE_VNODE, make("a"));
	inodes_add(t, INODE_VNODE, make("a/c"));
	inodes_add(t, INODE_VNODE, make("other"));
	a->keeps_open = b->keeps_open = true;
	inodes_each_open_path(t, "a", note_path, open);
	assert_string_equal(open, "a/own a/b ");
	inodes_each_path(t, "a", note_path, all);
	assert_string_equal(all, "a/b a/c ");
	inodes_close(t);
}

static void what_the_kernel_forgets_is_freed_and_its_number_used_again(void **state)
{
	struct inodes *t = table();
	struct inode *root = inodes_add(t, INODE_VNODE, make(""));
	struct inode *a = inodes_add(t, INODE_VNODE, make("a"));
	uint32_t number = a->number;

	(void)state;
	assert_int_equal(root->number, INODE_ROOT);
	inodes_count_lookups(t, number, 4);
	inodes_forget(t, number, 4);
	assert_ptr_equal(inodes_get(t, INODE_VNODE, number), a);
	inodes_forget(t, number, 1);
	assert_int_equal(freed, 1);
	assert_null(inodes_get(t, INODE_VNODE, number));
	assert_null(inodes_find(t, INODE_VNODE, "a"));
	assert_int_equal(inodes_add(t, INODE_VNODE, make("b"))->number, number);
	inodes_forget(t, INODE_ROOT, 1);
	assert_ptr_equal(inodes_get(t, INODE_VNODE, INODE_ROOT), root);
	inodes_close(t);
}

static void lookups_of_all_nodes_of_a_view_are_its_own(void **state)
{
	struct inodes *t = table();
	struct inode *w = inodes_add(t, INODE_VIEW, make("rootfs"));
	uint64_t base = (uint64_t)w->number << 32;

	(void)state;
	inodes_count_lookups(t, base | 7, 1);
	inodes_count_lookups(t, base | 123456, 2);
	assert_ptr_equal(inodes_get(t, INODE_VIEW, base | 99), w);
	assert_null(inodes_get(t, INODE_VNODE, base | 99));
	inodes_forget(t, base | 123456, 2);
	inodes_forget(t, base | 7, 1);
	assert_int_equal(freed, 0);
	inodes_forget(t, base, 1);
	assert_int_equal(freed, 1);
	inodes_close(t);
}

static void many_inodes_keep_their_numbers(void **state)
{
	enum { COUNT = 20000 };
	struct inodes *t = table();
	struct inode **all = calloc(COUNT, sizeof(struct inode *));
	struct inodes_counts counts;
	char path[32];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "p%d", i);
		all[i] = inodes_add(t, INODE_VNODE, make(path));
	}
	for (int i = 0; i < COUNT; i++)
		assert_ptr_equal(inodes_get(t, INODE_VNODE, all[i]->number), all[i]);
	inodes_count(t, &counts);
	assert_int_equal(counts.vnodes, COUNT);
	assert_int_equal(counts.lookups, COUNT);
	free(all);
	inodes_close(t);
	assert_int_equal(freed, COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_path_is_one_inode),
	    cmocka_unit_test(what_is_held_outlives_its_last_lookup),
	    cmocka_unit_test(an_own_inode_is_never_shared),
	    cmocka_unit_test(what_keeps_a_file_open_is_found_by_its_path),
	    cmocka_unit_test(what_the_kernel_forgets_is_freed_and_its_number_used_again),
	    cmocka_unit_test(lookups_of_all_nodes_of_a_view_are_its_own),
	    cmocka_unit_test(many_inodes_keep_their_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
