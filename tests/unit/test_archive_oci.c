/* SPDX-License-Identifier: MIT */
/* Archives that are OCI layouts: images, indexes of them, and what must not be taken for either. */
#include "store/oci/oci.h"

#include "tests/unit/archive_scene.h"

#define TYPE	   "application/vnd.oci.image."
#define LINUX	   "{\"os\":\"linux\",\"architecture\":\"%s\"}"
#define VERSION(v) "{\"imageLayoutVersion\":\"" v "\"}"

/* How an image of the archive differs from one that is right. */
struct image_make {
	const char *architecture; /* NULL: amd64 */
	bool no_layer, no_config, no_manifest;
	bool spoilt_layer, spoilt_manifest; /* other bytes than the name says */
	bool wrong_diff_id, two_diff_ids;
	bool artifact;
};

/* Adds a blob to the archive, and its descriptor to the text. */
static void add_blob(struct tar_make *m, const char *type, const void *data, size_t len,
		     bool absent, bool spoilt, struct buf *text)
{
	char digest[DIGEST_TEXT_MAX], name[DIGEST_TEXT_MAX + 16];
	autobuf bytes = BUF_INIT;
	struct digest d;

	digest_of(DIGEST_SHA256, data, len, &d, NULL);
	buf_printf(text, "{\"mediaType\":\"" TYPE "%s\",\"digest\":\"%s\",\"size\":%zu", type,
		   digest_text(&d, digest), len);
	snprintf(name, sizeof(name), "blobs/sha256/%s", digest + strlen("sha256:"));
	buf_append(&bytes, data, len);
	bytes.data[len / 2] ^= spoilt;
	if (!absent)
		member(m, name, bytes.data, len);
}

static void add_layer(struct tar_make *m, const struct image_make *i, struct buf *text,
		      struct digest *diff_id)
{
	struct tar_make layer = {0};
	const char *content = i->architecture ? i->architecture : "amd64";

	member(&layer, "hello", content, strlen(content));
	make_end(&layer);
	digest_of(DIGEST_SHA256, layer.buf.data, layer.buf.len, diff_id, NULL);
	add_blob(m, "layer.v1.tar", layer.buf.data, layer.buf.len, i->no_layer, i->spoilt_layer,
		 text);
	buf_free(&layer.buf);
}

static void add_config(struct tar_make *m, const struct image_make *i, const struct digest *diff_id,
		       struct buf *text)
{
	autobuf config = BUF_INIT;
	char digest[DIGEST_TEXT_MAX], twice[DIGEST_TEXT_MAX + 4] = "";

	digest_text(diff_id, digest);
	if (i->wrong_diff_id)
		digest[sizeof("sha256:")] = digest[sizeof("sha256:")] == '0' ? '1' : '0';
	if (i->two_diff_ids)
		snprintf(twice, sizeof(twice), ",\"%s\"", digest);
	buf_printf(&config,
		   "{\"os\":\"linux\",\"architecture\":\"%s\",\"rootfs\":{\"type\":\"layers\","
		   "\"diff_ids\":[\"%s\"%s]}}",
		   i->architecture ? i->architecture : "amd64", digest, twice);
	add_blob(m, i->artifact ? "something.else+json" : "config.v1+json", config.data, config.len,
		 i->no_config, false, text);
}

/* Adds an image to the archive, and its descriptor, but for the bracket behind it, to the text. */
static void add_image(struct tar_make *m, const struct image_make *i, struct buf *text)
{
	autobuf manifest = BUF_INIT, layer = BUF_INIT, config = BUF_INIT;
	struct digest diff_id;

	add_layer(m, i, &layer, &diff_id);
	add_config(m, i, &diff_id, &config);
	buf_printf(&manifest,
		   "{\"schemaVersion\":2,\"mediaType\":\"" TYPE
		   "manifest.v1+json\",\"config\":%.*s},"
		   "\"layers\":[%.*s}]}",
		   (int)config.len, config.data, (int)layer.len, layer.data);
	add_blob(m, "manifest.v1+json", manifest.data, manifest.len, i->no_manifest,
		 i->spoilt_manifest, text);
}

/* Adds an index of descriptors; its own descriptor, but for the bracket, to the text. */
static void add_index(struct tar_make *m, const struct buf *entries, struct buf *text)
{
	autobuf index = BUF_INIT;

	buf_printf(&index,
		   "{\"schemaVersion\":2,\"mediaType\":\"" TYPE
		   "index.v1+json\",\"manifests\":[%.*s]}",
		   (int)entries->len, entries->data);
	add_blob(m, "index.v1+json", index.data, index.len, false, false, text);
}

static void name_it(struct buf *text, const char *name)
{
	if (name)
		buf_printf(text, ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}",
			   name);
	buf_putc(text, '}');
}

/* Ends the archive; loads and frees it. */
static int finish_and_load(struct tar_make *m, const char *version, const struct buf *entries,
			   const struct platform *only, struct err *err)
{
	autobuf index = BUF_INIT;
	size_t taken;
	int r;

	member(m, "oci-layout", version, strlen(version));
	buf_printf(&index, "{\"schemaVersion\":2,\"manifests\":[%.*s]}", (int)entries->len,
		   entries->data);
	member(m, "index.json", index.data, index.len);
	make_end(m);
	r = load_only(only, m->buf.data, m->buf.len, 1000, &taken, err);
	buf_putc(&told, '\0');
	buf_free(&m->buf);
	return r;
}

static int load_image(const struct image_make *i, const char *name, struct err *err)
{
	struct tar_make m = {0};
	autobuf entry = BUF_INIT;

	add_image(&m, i, &entry);
	name_it(&entry, name);
	return finish_and_load(&m, VERSION("1.0.0"), &entry, NULL, err);
}

static void assert_nothing(void)
{
	assert_int_equal(files("blobs/sha256") + files("partial") + files("derived/layers"), 0);
}

static void an_image_is_taken_with_its_name(void **state)
{
	struct err err = {0};

	(void)state;
	if (load_image(&(struct image_make){0}, "team/app:1", &err) != FEED_DONE)
		fail_msg("%s", err.text);
	assert_int_equal(strncmp(told.data, "docker.io/team/app:1 sha256:", 28), 0);
	assert_int_equal(files("blobs/sha256"), 3);
	assert_int_equal(files("derived/layers"), 1);
}

static void what_is_wrong_is_refused_whole(void **state)
{
	static const struct {
		struct image_make image;
		const char *name, *why;
	} cases[] = {
	    {{.no_layer = true}, "app:1", "is neither in the archive nor in the store"},
	    {{.no_config = true}, "app:1", "is neither in the archive nor in the store"},
	    {{.no_manifest = true}, "app:1", "neither in the archive nor in the store"},
	    {{.spoilt_layer = true}, "app:1", "sha256:"},
	    {{.spoilt_manifest = true}, "app:1", "sha256:"},
	    {{.wrong_diff_id = true}, "app:1", "invalid diffID for layer 0: expected"},
	    {{.two_diff_ids = true}, "app:1", "layers length mismatch: expected 1, got 2"},
	    {{0},
	     "app@sha256:0000000000000000000000000000000000000000000000000000000000000000",
	     "the archive names the image so, whose digest is sha256:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		int r = load_image(&cases[i].image, cases[i].name, &err);

		if (r != -EBADMSG || !strstr(err.text, cases[i].why))
			fail_msg("case %zu: %d, %s", i, r, err.text);
		assert_nothing();
	}
}

static void what_the_store_has_need_not_come(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(load_image(&(struct image_make){0}, "app:1", &err), FEED_DONE);
	assert_int_equal(
	    load_image(
		&(struct image_make){.no_layer = true, .no_config = true, .no_manifest = true},
		"app:2", &err),
	    FEED_DONE);
	assert_int_equal(strncmp(told.data, "docker.io/library/app:2 ", 24), 0);
}

static void an_artifact_has_no_layers_to_look_at(void **state)
{
	struct err err = {0};

	(void)state;
	if (load_image(&(struct image_make){.artifact = true, .wrong_diff_id = true}, "app:1",
		       &err) != FEED_DONE)
		fail_msg("%s", err.text);
	assert_int_equal(files("blobs/sha256"), 3);
	assert_int_equal(files("derived/layers"), 0);
}

/* An index of an image for amd64, one for arm64, and what nobody knows. */
static void make_index(struct tar_make *m, bool no_amd64, bool no_arm64, struct buf *entry)
{
	autobuf entries = BUF_INIT;

	add_image(m, &(struct image_make){.no_layer = no_amd64}, &entries);
	buf_printf(&entries, ",\"platform\":" LINUX "},", "amd64");
	add_image(m, &(struct image_make){.architecture = "arm64", .no_layer = no_arm64}, &entries);
	buf_printf(&entries, ",\"platform\":" LINUX "},", "arm64");
	add_blob(m, "unknown.v1", "?", 1, false, false, &entries);
	buf_putc(&entries, '}');
	add_index(m, &entries, entry);
	name_it(entry, "app:1");
}

static void of_an_index_what_is_whole_is_taken(void **state)
{
	static const struct {
		bool no_amd64, no_arm64;
		const char *only;
		int result, blobs;
	} cases[] = {
	    {true, true, NULL, -EBADMSG, 0},
	    {true, false, "linux/amd64", -ENOENT, 0},
	    {false, false, "linux/s390x", -ENOENT, 0},
	    {false, true, NULL, FEED_DONE, 4},
	    {false, true, "linux/amd64", FEED_DONE, 4},
	    {false, false, NULL, FEED_DONE, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tar_make m = {0};
		autobuf entry = BUF_INIT;
		struct platform only;
		struct err err = {0};
		int r;

		make_index(&m, cases[i].no_amd64, cases[i].no_arm64, &entry);
		if (cases[i].only)
			assert_int_equal(platform_parse(cases[i].only, &only, NULL), 0);
		r = finish_and_load(&m, VERSION("1.0.0"), &entry, cases[i].only ? &only : NULL,
				    &err);
		if (r != cases[i].result || files("blobs/sha256") != cases[i].blobs)
			fail_msg("case %zu: %d, %d blobs, %s", i, r, files("blobs/sha256"),
				 err.text);
	}
}

static void indexes_in_indexes_have_a_depth(void **state)
{
	(void)state;
	for (int depth = 4; depth <= 6; depth++) {
		autobuf entry = BUF_INIT;
		struct tar_make m = {0};
		struct err err = {0};
		int r;

		add_image(&m, &(struct image_make){0}, &entry);
		buf_putc(&entry, '}');
		for (int i = 0; i < depth; i++) {
			autobuf outer = BUF_INIT;

			add_index(&m, &entry, &outer);
			name_it(&outer, i == depth - 1 ? "app:1" : NULL);
			buf_reset(&entry);
			buf_append(&entry, outer.data, outer.len);
		}
		r = finish_and_load(&m, VERSION("1.0.0"), &entry, NULL, &err);
		if (r != (depth > 5 ? -EBADMSG : FEED_DONE))
			fail_msg("%d deep: %d, %s", depth, r, err.text);
		if (r < 0)
			assert_non_null(strstr(err.text, "more than 4 indexes in indexes"));
	}
}

static void a_layout_says_its_version(void **state)
{
	static const struct {
		const char *version;
		int result;
		const char *why;
	} cases[] = {
	    {VERSION("2.0.0"), -EOPNOTSUPP, "unsupported OCI version 2.0.0"},
	    {"{}", -EOPNOTSUPP, "unsupported OCI version "},
	    {"{", -EBADMSG, "oci-layout"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tar_make m = {0};
		autobuf entry = BUF_INIT;
		struct err err = {0};
		int r;

		add_image(&m, &(struct image_make){0}, &entry);
		name_it(&entry, "app:1");
		r = finish_and_load(&m, cases[i].version, &entry, NULL, &err);
		if (r != cases[i].result || !strstr(err.text, cases[i].why))
			fail_msg("case %zu: %d, %s", i, r, err.text);
		assert_nothing();
	}
}

/* Alone it is no image; beside one it is passed over. */
static void a_type_that_nobody_knows_is_passed_over(void **state)
{
	(void)state;
	for (int beside = 0; beside < 2; beside++) {
		struct tar_make m = {0};
		autobuf entries = BUF_INIT;
		struct err err = {0};

		add_blob(&m, "unknown.v1", "?", 1, false, false, &entries);
		buf_putc(&entries, '}');
		if (beside) {
			buf_putc(&entries, ',');
			add_image(&m, &(struct image_make){0}, &entries);
			name_it(&entries, "app:1");
		}
		assert_int_equal(finish_and_load(&m, VERSION("1.0.0"), &entries, NULL, &err),
				 beside ? FEED_DONE : -EOPNOTSUPP);
		assert_int_equal(files("blobs/sha256"), beside ? 3 : 0);
		if (!beside)
			assert_non_null(strstr(err.text, TYPE "unknown.v1"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_image_is_taken_with_its_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_wrong_is_refused_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_the_store_has_need_not_come, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_artifact_has_no_layers_to_look_at, setup, teardown),
	    cmocka_unit_test_setup_teardown(of_an_index_what_is_whole_is_taken, setup, teardown),
	    cmocka_unit_test_setup_teardown(indexes_in_indexes_have_a_depth, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_layout_says_its_version, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_type_that_nobody_knows_is_passed_over, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
