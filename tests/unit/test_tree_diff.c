/* SPDX-License-Identifier: MIT */
/* What differs between two trees, a case each. Two files hold the same where they stand at the same place of their
 * layer. */
#include "store/tree/tree_diff.h"

#include "tests/unit/tree_make.h"

static struct tree *make_tree(struct scratch *s, const char *const *specs)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	struct err err = {0};

	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	if (spec_layer(m, specs, &err))
		fail_msg("%s", err.text);
	return open_merged(m, s, TREE_MERGED);
}

struct seen {
	struct tree_diff d;
	struct buf text;
	unsigned compared, enough;
	int result; /* of a comparison, where it is none */
};

static int same_place(void *arg, uint32_t a, uint32_t b, uint64_t size, struct err *err)
{
	struct seen *s = arg;
	struct tree_run ra, rb;

	s->compared++;
	if (s->result)
		return err_set(err, -s->result, "unreadable");
	assert_int_equal(tree_map(s->d.a, a, 0, size, &ra), 0);
	assert_int_equal(tree_map(s->d.b, b, 0, size, &rb), 0);
	assert_int_equal(ra.length, size);
	assert_int_equal(rb.length, size);
	return ra.archive == rb.archive;
}

static int note_change(void *arg, const struct tree_change *c, struct err *err)
{
	static const char *const words[] = {"+",      "-",    "type",  "content", "link",
					    "device", "mode", "owner", "xattrs",  "times"};
	struct seen *s = arg;
	const char *comma = "";

	(void)err;
	assert_int_equal(c->a == TREE_NONE, (c->what & TREE_ADDED) != 0);
	assert_int_equal(c->b == TREE_NONE, (c->what & TREE_REMOVED) != 0);
	buf_printf(&s->text, "%s ", c->path);
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!(c->what & 1u << i))
			continue;
		buf_printf(&s->text, "%s%s", comma, words[i]);
		comma = ",";
	}
	buf_putc(&s->text, '\n');
	return s->enough && --s->enough == 0 ? 7 : 0;
}

/* Of two lists of entries; the trees stay open in *seen, which is zeroed but for what is asked. */
static int compare(const char *const *a, const char *const *b, struct seen *seen, struct err *err)
{
	struct scratch sa, sb;
	struct tree *ta, *tb;
	int r;

	scratch_open(&sa);
	scratch_open(&sb);
	ta = make_tree(&sa, a);
	tb = make_tree(&sb, b);
	seen->d.a = ta;
	seen->d.b = tb;
	seen->d.arg = seen;
	seen->d.same = same_place;
	seen->d.found = note_change;
	r = tree_diff(&seen->d, err);
	tree_close(ta);
	tree_close(tb);
	scratch_close(&sa);
	scratch_close(&sb);
	return r;
}

static const struct diff_case {
	const char *name;
	const char *a[16], *b[16];
	const char *want;
	bool times;
} cases[] = {
    {"nothing", {NULL}, {NULL}, "", false},
    {"the same", {"d d", "f d/f size=3", "s s >x"}, {"d d", "f d/f size=3", "s s >x"}, "", false},
    {"content, size, and what needs no comparison",
     {"f a size=1", "f b size=1", "f c size=1", "f d"},
     {"f b size=1", "f a size=1", "f c size=2", "f d"},
     "/a content\n/b content\n/c content\n",
     false},
    {"all that one entry may have",
     {"f m", "f o", "f x user.a=1", "s l >a", "c d dev=1:3", "f t t=1"},
     {"f m mode=600", "f o uid=1", "f x user.a=2", "s l >b", "c d dev=1:5", "f t t=2"},
     "/d device\n/l link\n/m mode\n/o owner\n/x xattrs\n",
     false},
    {"times where they are asked for",
     {"f t t=1", "f u t=1"},
     {"f t t=2", "f u t=1"},
     "/t times\n",
     true},
    {"attributes more and less",
     {"f a user.a=1", "f b user.a=1 user.b=2", "f c user.a=1 user.b=2"},
     {"f a user.a=1 user.b=2", "f b user.a=1", "f c user.b=2 user.a=1"},
     "/a xattrs\n/b xattrs\n",
     false},
    {"another type, with what was in it",
     {"d a", "f a/in", "f b", "c c dev=1:3"},
     {"f a", "d b", "f b/in", "b c dev=1:3"},
     "/a type,mode\n/a/in -\n/b type,mode\n/b/in +\n/c type\n",
     false},
    {"a directory with all that is in it, after it",
     {"f a", "d g", "d g/h", "f g/h/i", "f z"},
     {"f a", "d b", "f b/c", "f z"},
     "/b +\n/b/c +\n/g -\n/g/h -\n/g/h/i -\n",
     false},
    {"by the bytes of the names",
     {"f a.b", "d a", "f a/b", "f B"},
     {"f ab", "d a", "f a/c", "f \xff"},
     "/B -\n/a/b -\n/a/c +\n/a.b -\n/ab +\n/\xff +\n",
     false},
    {"the root", {"d . mode=700"}, {"d . mode=711"}, "/ mode\n", false},
    {"names of one file",
     {"f a size=1", "h b >a"},
     {"f a size=1", "f b size=1"},
     "/b content\n",
     false},
};

static void each_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen s = {.d = {.times = cases[i].times}};
		struct err err = {0};

		if (compare(cases[i].a, cases[i].b, &s, &err))
			fail_msg("%s: %s", cases[i].name, err.text);
		if (strcmp(s.text.data ? s.text.data : "", cases[i].want) != 0)
			fail_msg("%s:\n%swanted:\n%s", cases[i].name, s.text.data, cases[i].want);
		buf_free(&s.text);
	}
}

static void only_files_of_one_size_are_compared(void **state)
{
	static const char *const a[] = {"f a size=1", "f b size=1", "f c", "d d", NULL};
	static const char *const b[] = {"f a size=1", "f b size=2", "f c", "f d size=1", NULL};
	struct seen s = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(compare(a, b, &s, &err), 0);
	assert_int_equal(s.compared, 1);
	buf_free(&s.text);
}

static void it_ends_where_it_is_told_to(void **state)
{
	static const char *const a[] = {"f a size=1", "f b", NULL}, *const b[] = {"f a size=1",
										  NULL};
	static const char *const none[] = {NULL};
	struct seen enough = {.enough = 1}, unread = {.result = -EIO}, stopped = {0};
	struct cancel cancel;
	struct err err = {0};

	(void)state;
	assert_int_equal(compare(none, a, &enough, &err), 7);
	assert_string_equal(enough.text.data, "/a +\n");
	assert_int_equal(compare(a, b, &unread, &err), -EIO);
	assert_string_equal(err.text, "/a: unreadable");
	cancel_init(&cancel);
	cancel_set(&cancel);
	stopped.d.cancel = &cancel;
	assert_int_equal(compare(a, b, &stopped, &err), -EINTR);
	cancel_destroy(&cancel);
	buf_free(&enough.text);
}

static void the_deepest_path_is_walked(void **state)
{
	char spec[4200] = "f ", *at = spec + 2;
	const char *deep[] = {spec, NULL}, *none[] = {NULL};
	struct seen s = {0};
	struct err err = {0};
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < ENTRY_DEPTH_MAX - 1; i++, at += 2)
		memcpy(at, "d/", 2);
	strcpy(at, "f");
	assert_int_equal(compare(none, deep, &s, &err), 0);
	for (const char *c = s.text.data; (c = strchr(c, '\n')); c++)
		lines++;
	assert_int_equal(lines, ENTRY_DEPTH_MAX);
	buf_free(&s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_case),
	    cmocka_unit_test(only_files_of_one_size_are_compared),
	    cmocka_unit_test(it_ends_where_it_is_told_to),
	    cmocka_unit_test(the_deepest_path_is_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
