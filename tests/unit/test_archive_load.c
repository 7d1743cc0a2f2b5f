/* SPDX-License-Identifier: MIT */
/* Archives of images, fed in pieces of any size and cut anywhere: all of it is there, or
 * nothing. */
#include "store/archive/archive_plan.h"
#include "store/images/gc.h"

#include "tests/unit/archive_scene.h"

/* A docker archive of one image of one layer; `links` symlinks lead to the layer. */
static void make_archive(struct tar_make *m, int links, const char *tags)
{
	struct tar_make layer = {0};
	autobuf config = BUF_INIT, manifest = BUF_INIT;
	char text[DIGEST_TEXT_MAX], name[32], target[32];
	struct digest diff_id;

	member(&layer, "hello", "world", 5);
	make_end(&layer);
	digest_of(DIGEST_SHA256, layer.buf.data, layer.buf.len, &diff_id, NULL);
	buf_printf(&config,
		   "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\","
		   "\"diff_ids\":[\"%s\"]}}",
		   digest_text(&diff_id, text));
	buf_printf(&manifest, "[{\"Config\":\"c.json\",\"RepoTags\":%s,\"Layers\":[\"./d//l%d\"]}]",
		   tags, links);
	member(m, "manifest.json", manifest.data, manifest.len);
	for (int i = links; i > 0; i--) {
		snprintf(name, sizeof(name), "d/l%d", i);
		snprintf(target, sizeof(target), "../d/l%d", i - 1);
		make_header(m, &(struct tar_fields){.type = '2', .name = name, .link = target});
	}
	member(m, "c.json", config.data, config.len);
	member(m, "d/l0", layer.buf.data, layer.buf.len);
	make_end(m);
	buf_free(&layer.buf);
}

static void it_loads_in_pieces_of_any_size(void **state)
{
	static const size_t steps[] = {1, 7, 511, 512, 513, 4096, 1 << 20};
	struct tar_make m = {0};
	size_t taken, end;

	(void)state;
	make_archive(&m, 3, "[\"app:1\",\"team/app\"]");
	end = m.buf.len;
	make_zeros(&m, 8192);
	member(&m, "behind", "x", 1);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct err err = {0};

		if (load(m.buf.data, m.buf.len, steps[i], &taken, &err) != 1)
			fail_msg("%s", err.text);
		assert_int_equal(taken, end);
		assert_int_equal(strncmp(told.data, "docker.io/library/app:1 sha256:", 31), 0);
		assert_non_null(strstr(told.data, "\ndocker.io/team/app:latest sha256:"));
		assert_int_equal(files("blobs/sha256"), 3);
		assert_int_equal(files("derived/layers"), 1);
		assert_int_equal(files("partial"), 0);
	}
	buf_free(&m.buf);
}

static void cut_anywhere_it_leaves_nothing(void **state)
{
	struct tar_make m = {0};
	size_t taken, whole;

	(void)state;
	make_archive(&m, 1, "[\"app:1\"]");
	whole = m.buf.len - 1024; /* from there on nothing is missing but the end marker */
	for (size_t at = 1; at < whole; at += at % 512 ? 37 : 1) {
		struct err err = {0};

		if (at + 512 - 5 >= whole) /* nor is the padding of the last member */
			break;
		if (load(m.buf.data, at, 100000, &taken, &err) != -EBADMSG)
			fail_msg("byte %zu of %zu: %s", at, whole, err.text);
		assert_non_null(strstr(err.text, "unexpected EOF"));
		assert_int_equal(files("blobs/sha256") + files("partial") + files("derived/layers"),
				 0);
	}
	assert_int_equal(load(m.buf.data, whole, 100000, &taken, NULL), 1);
	buf_free(&m.buf);
}

static void an_image_without_a_tag_dangles_until_it_has_one(void **state)
{
	AUTO(names_put) struct names *names = NULL;
	struct tar_make m = {0}, tagged = {0};
	struct err err = {0};
	size_t taken;

	(void)state;
	make_archive(&m, 0, "null");
	make_archive(&tagged, 0, "[\"app:1\"]");
	assert_int_equal(load(m.buf.data, m.buf.len, 4096, &taken, &err), 1);
	assert_int_equal(strncmp(told.data, "- sha256:", 9), 0);
	assert_int_equal(names_get(store, &names, &err), 0);
	assert_int_equal(names_count(names), 1);
	assert_true(names_at(names, 0)->dangling);
	names_put(steal(&names));
	assert_int_equal(load(tagged.buf.data, tagged.buf.len, 4096, &taken, &err), 1);
	assert_int_equal(load(m.buf.data, m.buf.len, 4096, &taken, &err), 1);
	assert_int_equal(names_get(store, &names, &err), 0);
	assert_int_equal(names_count(names), 1);
	assert_string_equal(names_at(names, 0)->reference, "docker.io/library/app:1");
	buf_free(&m.buf);
	buf_free(&tagged.buf);
}

static void too_many_links_and_wrong_tags_are_refused(void **state)
{
	static const struct {
		int links;
		const char *tags;
		int result;
	} bad[] = {
	    {40, "[\"app:1\"]", -EBADMSG},	  {0, "[\"App:1\"]", -EINVAL},
	    {0, "[\"app:1\",\"\"]", -EINVAL},	  {0, "[7]", -EBADMSG},
	    {0, "\"app:1\"", -EBADMSG},		  {0, "[\"a\\u0000b\"]", -EBADMSG},
	    {0, "[\"app:1\"],\"X\":[", -EBADMSG}, {0, "[\"a@sha256:12\"]", -EINVAL},
	};
	size_t taken;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tar_make m = {0};

		make_archive(&m, bad[i].links, bad[i].tags);
		assert_int_equal(load(m.buf.data, m.buf.len, 4096, &taken, NULL), bad[i].result);
		assert_int_equal(files("blobs/sha256") + files("partial") + files("derived/layers"),
				 0);
		buf_free(&m.buf);
	}
}

/* Names and links that an archive of images may have, or not. */
static void members_stay_in_the_archive(void **state)
{
	static const char *const sparse[] = {"GNU.sparse.size=600", "GNU.sparse.numblocks=1",
					     "GNU.sparse.offset=0", "GNU.sparse.numbytes=1", NULL};
	static const struct {
		struct tar_fields entry;
		int result;
		const char *why;
	} cases[] = {
	    {{.name = "d/", .type = '5'}, 1, ""},
	    {{.name = "dev", .type = '3'}, 1, ""},
	    {{.name = "hard", .type = '1', .link = "c.json"}, 1, ""},
	    {{.name = "up", .type = '2', .link = "d/../c.json"}, 1, ""},
	    {{.name = "top", .type = '2', .link = "/c.json"}, 1, ""},
	    {{.name = "d/out", .type = '2', .link = "../../c.json"},
	     -EBADMSG,
	     "leads out of the archive"},
	    {{.name = "hard", .type = '1', .link = "../c.json"},
	     -EBADMSG,
	     "leads out of the archive"},
	    {{.name = "../c.json"}, -EBADMSG, "leads out of the archive"},
	    {{.name = "a/../b"}, -EBADMSG, "\"..\" in its name"},
	};
	size_t taken;

	(void)state;
	for (size_t i = 0; i <= sizeof(cases) / sizeof(cases[0]); i++) {
		bool last = i == sizeof(cases) / sizeof(cases[0]);
		struct tar_make m = {0};
		struct err err = {0};
		int r;

		if (last) {
			make_pax(&m, 'x', sparse);
			member(&m, "sparse", "x", 1);
		} else {
			make_header(&m, &cases[i].entry);
		}
		make_archive(&m, 0, "[\"app:1\"]");
		r = load(m.buf.data, m.buf.len, 4096, &taken, &err);
		if (r != (last ? -EOPNOTSUPP : cases[i].result) ||
		    (r < 0 && !strstr(err.text, last ? "a sparse file" : cases[i].why)))
			fail_msg("case %zu: %d, %s", i, r, err.text);
		buf_free(&m.buf);
	}
}

/* What a deletion by another process takes is what nobody holds. */
static void the_index_of_a_planned_layer_is_held(void **state)
{
	AUTO(quarantine_close) struct quarantine *q = NULL;
	struct archive_plan *plan = NULL;
	struct layer_index *index = NULL;
	struct tar_make layer = {0};
	size_t memory = 1 << 20;

	(void)state;
	member(&layer, "hello", "world", 5);
	make_end(&layer);
	assert_int_equal(archive_plan_open(store, &memory, NULL, &plan, NULL), 0);
	assert_int_equal(quarantine_open(store, DIGEST_SHA256, layer.buf.len, &memory, &q, NULL),
			 0);
	assert_int_equal(quarantine_write(q, layer.buf.data, layer.buf.len, NULL), 0);
	assert_int_equal(quarantine_end(q, NULL), 0);
	assert_int_equal(gc_run(store, &(struct gc){0}, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(archive_plan_layer(plan, quarantine_digest(q), q, &index, NULL),
				 0);
		layer_index_close(index);
		assert_int_equal(gc_run(store, &(struct gc){0}, NULL), 0);
		assert_int_equal(files("derived/layers"), 1);
	}
	archive_plan_close(plan);
	assert_int_equal(gc_run(store, &(struct gc){0}, NULL), 0);
	assert_int_equal(files("derived/layers"), 0);
	buf_free(&layer.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_loads_in_pieces_of_any_size, setup, teardown),
	    cmocka_unit_test_setup_teardown(cut_anywhere_it_leaves_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_image_without_a_tag_dangles_until_it_has_one, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(too_many_links_and_wrong_tags_are_refused, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(members_stay_in_the_archive, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_index_of_a_planned_layer_is_held, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
