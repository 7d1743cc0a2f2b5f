/* SPDX-License-Identifier: MIT */
/* Every rule of the essay in store/tree/tree_merge.c, a case each. */
#include "tests/unit/tree_make.h"

#define ROOT "/ 755 @-\n"

struct merge_case {
	const char *name;
	const char
	    *layers[4][24]; /* bottom first; each ends with NULL, an empty one ends the list */
	const char *want;   /* "!…": refused with a sentence that holds this */
};

static const struct merge_case merged[] = {
    {"a layer by itself",
     {{"d . mode=711 uid=3 t=9", "d bin mode=700", "f bin/sh mode=4755 size=3 t=5",
       "s lib >usr/lib mode=644", "c null dev=1:3", "b disk dev=8:1", "p fifo"}},
     "/ 711 @0 u3 t9\nbin/ 700 @0\nbin/sh 4755 @0 t5\ndisk 644 @0 8:1\nfifo 644 @0\nlib >usr/lib "
     "@0\nnull 644 @0 1:3\n"},
    {"no entries at all", {{NULL}}, ROOT},
    {"the last of a name wins",
     {{"f a mode=600", "f a mode=640", "f b", "s b >x", "d c", "f c/in", "f c", "f e", "d e",
       "f e/in"}},
     ROOT "a 640 @0\nb >x @0\nc 644 @0\ne/ 755 @0\ne/in 644 @0\n"},
    {"a repeated directory keeps its children",
     {{"d d mode=700", "f d/in", "d d mode=711 uid=5"}},
     ROOT "d/ 711 @0 u5\nd/in 644 @0\n"},
    {"a file and the directory again: what was in it is gone",
     {{"d d", "f d/old", "f d", "d d", "f d/new"}},
     ROOT "d/ 755 @0\nd/new 644 @0\n"},
    {"a file where a parent is needed becomes a directory",
     {{"f a", "f a/b", "c n dev=1:3", "f n/x"}},
     ROOT "a/ 755 @-\na/b 644 @0\nn/ 755 @-\nn/x 644 @0\n"},
    {"children before their directory",
     {{"f d/f", "d d mode=700 uid=4"}},
     ROOT "d/ 700 @0 u4\nd/f 644 @0\n"},
    {"paths are cleaned",
     {{"f a/./b", "f c//d", "f x/../e", "f x/y/../../g"}},
     ROOT "a/ 755 @-\na/b 644 @0\nc/ 755 @-\nc/d 644 @0\ne 644 @0\ng 644 @0\n"},
    {"above the root lies the root",
     {{"f ../a", "f /../../b", "f x/../../c", "h d >../b"}},
     ROOT "a 644 @0\nb 644 @0 x2\nc 644 @0\nd 644 @0 x2\n"},
    {"a root that is no directory", {{"f ."}}, "!the root is no directory"},
    {"a root that is a link", {{"f x", "h . >x"}}, "!the root is no directory"},
    {"the root of an upper layer",
     {{"d . mode=700"}, {"f a"}, {"d . mode=711 uid=1"}},
     "/ 711 @2 u1\na 644 @1\n"},
    {"the root stays where no layer above brings one",
     {{"d . mode=700"}, {"f a"}},
     "/ 700 @0\na 644 @1\n"},

    {"a directory over a directory merges",
     {{"d d mode=700 uid=1 user.a=1 t=7", "f d/low", "f d/both"},
      {"d d mode=755 uid=2 t=8", "f d/both mode=600", "f d/up"}},
     ROOT "d/ 755 @1 u2 t8\nd/both 600 @1\nd/low 644 @0\nd/up 644 @1\n"},
    {"a file over a directory hides all of it",
     {{"d d", "d d/e", "f d/e/f"}, {"f d"}},
     ROOT "d 644 @1\n"},
    {"a directory over a file replaces it",
     {{"f d", "s e >x"}, {"d d mode=700", "d e"}},
     ROOT "d/ 700 @1\ne/ 755 @1\n"},
    {"a missing parent takes the lower directory",
     {{"d d mode=700 uid=7 t=5 user.a=1"}, {"f d/new"}},
     ROOT "d/ 700 @0 u7 t5 user.a=1\nd/new 644 @1\n"},
    {"a missing parent without one is made",
     {{"f a"}, {"f x/y/z"}},
     ROOT "a 644 @0\nx/ 755 @-\nx/y/ 755 @-\nx/y/z 644 @1\n"},
    {"a missing parent over a file is made",
     {{"f a", "s l >a"}, {"f a/b", "f l/b"}},
     ROOT "a/ 755 @-\na/b 644 @1\nl/ 755 @-\nl/b 644 @1\n"},
    {"a symlink of a lower layer is replaced, not followed",
     {{"d real", "f real/stays", "s etc >real", "s opt >/real"}, {"f etc/x", "f opt/.wh.stays"}},
     ROOT "etc/ 755 @-\netc/x 644 @1\nopt/ 755 @-\nreal/ 755 @0\nreal/stays 644 @0\n"},
    {"a symlink of the same layer is followed inside the root",
     {{"d real", "s rel >real", "f rel/a", "s abs >/real", "f abs/b", "d x/y",
       "s x/y/up >../../real", "f x/y/up/c", "s chain >rel", "f chain/d", "s out >../../../real",
       "f out/e"}},
     ROOT "abs >/real @0\nchain >rel @0\nout >../../../real @0\nreal/ 755 @0\nreal/a 644 "
	  "@0\nreal/b 644 @0\nreal/c 644 "
	  "@0\nreal/d 644 @0\nreal/e 644 @0\nrel >real @0\nx/ 755 @-\nx/y/ 755 @0\nx/y/up "
	  ">../../real @0\n"},
    {"a symlink to nothing makes what it leads to",
     {{"s fresh >made/below", "f fresh/h"}},
     ROOT "fresh >made/below @0\nmade/ 755 @-\nmade/below/ 755 @-\nmade/below/h 644 @0\n"},
    {"a symlink that changes is followed to its new place",
     {{"s l >one", "f l/a", "s l >two", "f l/b", "d l", "f l/c"}},
     ROOT "l/ 755 @0\nl/c 644 @0\none/ 755 @-\none/a 644 @0\ntwo/ 755 @-\ntwo/b 644 @0\n"},
    {"an absolute symlink begins at the root",
     {{"s d/e/abs >/r", "f d/e/abs/f"}},
     ROOT "d/ 755 @-\nd/e/ 755 @-\nd/e/abs >/r @0\nr/ 755 @-\nr/f 644 @0\n"},
    {"a symlink that is replaced by way of itself",
     {{"s s >.", "f s/a", "d s/s", "f s/b"}},
     ROOT "a 644 @0\ns/ 755 @0\ns/b 644 @0\n"},
    {"what lies behind a loop of symlinks is left out",
     {{"s a >b", "s b >a", "f a/x", "h c >a/x"}},
     ROOT "a >b @0\nb >a @0\n"},

    {"a whiteout hides a file, a directory, a symlink",
     {{"f f", "d d", "f d/in", "s s >f", "f stays", "f d2/a", "f d2/b"},
      {"f .wh.f", "f .wh.d", "f .wh.s", "f d2/.wh.a", "f .wh.nothing"}},
     ROOT "d2/ 755 @-\nd2/b 644 @0\nstays 644 @0\n"},
    {"a whiteout hides nothing of its own layer, before or behind it",
     {{"f a", "f b", "d d", "f d/old"},
      {"f .wh.a", "f a mode=600", "f b mode=600", "f .wh.b", "d d mode=700", "f d/new", "f .wh.d"}},
     ROOT "a 600 @1\nb 600 @1\nd/ 700 @1\nd/new 644 @1\n"},
    {"a directory takes the place of its whiteout: what was in it below is there",
     {{"d d", "f d/old", "d e", "f e/old", "f g/old"},
      {"f .wh.d", "d d mode=700", "f d/new", "f .wh.e", "d e", "f e/.wh..wh..opq", "f .wh.g",
       "f g/new"}},
     ROOT "d/ 700 @1\nd/new 644 @1\nd/old 644 @0\ne/ 755 @1\ng/ 755 @-\ng/new 644 @1\n"},
    {"a whiteout of a directory that the layer has only things in",
     {{"d d mode=700", "f d/old"}, {"f d/new", "f .wh.d"}},
     ROOT "d/ 755 @-\nd/new 644 @1\n"},
    {"a whiteout makes the directory that it stands in",
     {{"f a"}, {"f not/there/.wh.x"}},
     ROOT "a 644 @0\nnot/ 755 @-\nnot/there/ 755 @-\n"},
    {"a name that was hidden can come again",
     {{"f a"}, {"f .wh.a"}, {"f a mode=600"}},
     ROOT "a 600 @2\n"},
    {"a whiteout hides for all layers below",
     {{"f a"}, {"f a"}, {"f .wh.a"}, {"f b"}},
     ROOT "b 644 @3\n"},
    {"opaque hides what is below, in either order",
     {{"d d mode=750 uid=7", "f d/old", "f d/sub/old", "d e", "f e/old"},
      {"d d mode=700", "f d/.wh..wh..opq", "d d/sub", "f d/sub/new", "f e/new", "d e mode=711",
       "f e/.wh..wh..opq"}},
     ROOT "d/ 700 @1\nd/sub/ 755 @1\nd/sub/new 644 @1\ne/ 711 @1\ne/new 644 @1\n"},
    {"an opaque directory that the layer does not bring keeps the lower one's metadata",
     {{"d d mode=700 uid=3 t=4", "f d/old"}, {"f d/.wh..wh..opq", "f d/new"}},
     ROOT "d/ 700 @0 u3 t4\nd/new 644 @1\n"},
    {"an opaque root hides nothing",
     {{"d . mode=711", "f old", "d d", "f d/old"}, {"f .wh..wh..opq", "f new"}},
     "/ 711 @0\nd/ 755 @0\nd/old 644 @0\nnew 644 @1\nold 644 @0\n"},
    {"opaque above, merged again above that",
     {{"f a/b/old"}, {"f a/.wh..wh..opq", "f a/b/mid"}, {"f a/b/new", "f a/b/.wh.mid"}},
     ROOT "a/ 755 @-\na/b/ 755 @-\na/b/new 644 @2\n"},
    {"whiteouts of nothing, of the directory itself, of the parent",
     {{"f a"}, {"f d/.wh.", "f .wh..", "f d/.wh..."}},
     ROOT "a 644 @0\nd/ 755 @-\n"},
    {"files that aufs kept, and hard links to them",
     {{"f .wh..wh.aufs", "d .wh..wh.plnk mode=700", "f .wh..wh.plnk/1.2", "f d/.wh..wh.x",
       "h a >.wh..wh.plnk/1.2"}},
     ROOT ".wh..wh.plnk/ 755 @-\n.wh..wh.plnk/1.2 644 @0 x2\na 644 @0 x2\nd/ 755 @-\n"},
    {"a directory may be named like a whiteout, if something is in it",
     {{"f .wh.d/x"}},
     ROOT ".wh.d/ 755 @-\n.wh.d/x 644 @0\n"},
    {"a device 0:0 is a whiteout",
     {{"f a", "f b"}, {"c a dev=0:0", "f c", "c c dev=0:0", "b b dev=0:0"}},
     ROOT "b 644 @1\n"},

    {"hard links share a file",
     {{"f a mode=640 uid=5", "h d/b >a mode=640 uid=5", "h c >d/b mode=640 uid=5"}},
     ROOT "a 640 @0 x3 u5\nc 640 @0 x3 u5\nd/ 755 @-\nd/b 640 @0 x3 u5\n"},
    {"links that whiteouts removed do not count",
     {{"f a", "h b >a", "h c >a"}, {"f .wh.b", "f a mode=600"}},
     ROOT "a 600 @1\nc 644 @0\n"},
    {"a hard link keeps what its name had",
     {{"f a mode=600", "h b >a mode=600", "f a mode=640", "h c >a mode=640"}},
     ROOT "a 640 @0 x2\nb 600 @0\nc 640 @0 x2\n"},
    {"a hard link before its file, through others",
     {{"h a >z/t mode=600", "h b >a mode=600", "h c >b mode=600", "d z", "f z/t mode=600"}},
     ROOT "a 600 @0 x4\nb 600 @0 x4\nc 600 @0 x4\nz/ 755 @0\nz/t 600 @0 x4\n"},
    {"a hard link that waits and is replaced", {{"h a >t", "f a mode=600"}}, ROOT "a 600 @0\n"},
    {"a hard link to a file of a lower layer",
     {{"f d/low mode=640 uid=7 user.a=1"}, {"h up >d/low mode=640 uid=7"}},
     ROOT "d/ 755 @-\nd/low 640 @0 x2 u7 user.a=1\nup 640 @0 x2 u7 user.a=1\n"},
    {"a hard link to a whiteout is one",
     {{"f a", "f b", "f d/x", "f e/x"},
      {"f .wh.a", "h b >a", "h c >a", "f .wh.d", "h f >d/x", "f e/.wh..wh..opq", "h g >e/x"}},
     ROOT "e/ 755 @-\n"},
    {"a whiteout behind a hard link hides its name alone",
     {{"f a"}, {"h b >a", "f .wh.a"}},
     ROOT "b 644 @0\n"},
    {"a hard link leads to what is there when it comes",
     {{"f a mode=600"}, {"h b >a mode=600", "f a mode=644", "h c >a"}},
     ROOT "a 644 @1 x2\nb 600 @0\nc 644 @1 x2\n"},
    {"a hard link to itself", {{"f a", "h a >a"}}, ROOT "a 644 @0\n"},
    {"a hard link to itself of a lower layer",
     {{"f a", "h b >a"}, {"h a >a"}},
     ROOT "a 644 @0 x2\nb 644 @0 x2\n"},
    {"a hard link to a symlink",
     {{"s s >t mode=777", "h h >s uid=4"}},
     ROOT "h >t @0 x2 u4\ns >t @0 x2 u4\n"},
    {"a hard link through a symlink of its layer",
     {{"d real", "f real/f", "s l >real", "h h >l/f"}},
     ROOT "h 644 @0 x2\nl >real @0\nreal/ 755 @0\nreal/f 644 @0 x2\n"},
    {"a hard link says owner, mode and time anew",
     {{"f a mode=600 uid=1 t=1 user.a=1", "h b >a mode=4711 uid=2 t=2"}},
     ROOT "a 4711 @0 x2 u2 t2 user.a=1\nb 4711 @0 x2 u2 t2 user.a=1\n"},
    {"a hard link to nothing is left out",
     {{"f x"}, {"h d/a >no/thing", "f y"}},
     ROOT "d/ 755 @-\nx 644 @0\ny 644 @1\n"},
    {"a circle of hard links is left out", {{"h a >b", "h b >a", "f c"}}, ROOT "c 644 @0\n"},
    {"a hard link to a directory is left out",
     {{"d d"}, {"h a >d", "d e", "h b >e", "h c >later", "d later"}},
     ROOT "d/ 755 @0\ne/ 755 @1\nlater/ 755 @1\n"},
    {"a hard link through a symlink of a lower layer is left out",
     {{"d r", "f r/f", "s l >r"}, {"h a >l/f"}},
     ROOT "l >r @0\nr/ 755 @0\nr/f 644 @0\n"},
    {"the sentence names the layer", {{"f a"}, {"f ."}}, "!layer 1: "},

    {"extended attributes that a container can see",
     {{"f f user.a=1 security.capability=c trusted.overlay.redirect=x user.overlay.opaque=y "
       "trusted.t=2 weird.n=1",
       "s s >t user.a=1 security.x=1", "p p user.a=1", "d d user.d=1 trusted.overlay.opaque=y"}},
     ROOT "d/ 755 @0 user.d=1\nf 644 @0 user.a=1 security.capability=c trusted.t=2\np 644 @0\ns >t "
	  "@0 security.x=1\n"},
    {"an owner of -1 is root", {{"f a uid=4294967295"}}, ROOT "a 644 @0\n"},
    {"times beyond the range become its ends",
     {{"f a t=-9223372036854775807", "f b t=9223372036854775807", "d c t=-1"}},
     ROOT "a 644 @0\nb 644 @0 t15032385535\nc/ 755 @0\n"},
    {"a symlink to nothing at all is left out", {{"s a >", "f b"}}, ROOT "b 644 @0\n"},
};

static const struct merge_case diffs[] = {
    {"whiteouts are the files that they are",
     {{"f .wh.a", "f d/.wh..wh..opq", "c z dev=0:0", "f .wh..wh.plnk/x", "f .wh."}},
     ROOT ".wh. 644 @0\n.wh..wh.plnk/ 755 @-\n.wh..wh.plnk/x 644 @0\n.wh.a 644 @0\nd/ 755 "
	  "@-\nd/.wh..wh..opq 644 @0\nz 644 @0\n"},
    {"a hard link that leads out of it is left out",
     {{"h a >lower", "h b >a", "f c", "h d >c"}},
     ROOT "c 644 @0 x2\nd 644 @0 x2\n"},
    {"two layers", {{"f a"}, {"f b"}}, "!takes one"},
};

static int merge_layers(const struct merge_case *c, struct tree_merge *m, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < 4 && !rc && (i == 0 || c->layers[i][0]); i++)
		rc = spec_layer(m, c->layers[i], err);
	return rc;
}

/* False, with a message, where it is not as it should be. */
static bool check_case(const struct merge_case *c, enum tree_kind kind, struct scratch *s)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(tree_close) struct tree *t = NULL;
	autobuf text = BUF_INIT;
	struct err err;
	int rc;

	assert_int_equal(tree_merge_open(kind, &m, &err), 0);
	rc = merge_layers(c, m, &err);
	if (*c->want == '!') {
		if (rc && strstr(err.text, c->want + 1))
			return true;
		print_error("%s: %s\n", c->name, rc ? err.text : "not refused");
		return false;
	}
	if (rc) {
		print_error("%s: %s\n", c->name, err.text);
		return false;
	}
	t = open_merged(m, s, kind);
	dump_tree(t, &text);
	if (strcmp(text.data, c->want) == 0)
		return true;
	print_error("%s:\nwant\n%sgot\n%s", c->name, c->want, text.data);
	return false;
}

static void check_cases(const struct merge_case *cases, size_t count, enum tree_kind kind)
{
	struct scratch s;
	bool good = true;

	scratch_open(&s);
	for (size_t i = 0; i < count; i++)
		good &= check_case(&cases[i], kind, &s);
	scratch_close(&s);
	assert_true(good);
}

static void test_merged_view_follows_the_rules(void **state)
{
	(void)state;
	check_cases(merged, sizeof(merged) / sizeof(merged[0]), TREE_MERGED);
}

static void test_diff_shows_the_layer_itself(void **state)
{
	(void)state;
	check_cases(diffs, sizeof(diffs) / sizeof(diffs[0]), TREE_DIFF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_merged_view_follows_the_rules),
	    cmocka_unit_test(test_diff_shows_the_layer_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
