/* SPDX-License-Identifier: MIT */
#include "store/images/image_facts.h"
#include "store/disk/blob.h"
#include "store/layer/layer_build.h"
#include "store/layer/layer_index.h"
#include "tests/unit/sample_image.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

struct scene {
	struct scratch dir;
	struct store *store;
	struct platform amd64, arm64;
	struct sample_image image;
	struct descriptor top;
};

static void put(struct scene *s, const struct sample *x)
{
	assert_int_equal(blob_put(s->store, &x->digest, x->body.data, x->body.len, NULL), 0);
}

static int scene_open(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	*state = s;
	s->dir = scratch_make();
	assert_int_equal(store_open(s->dir.path, &s->store, NULL), 0);
	platform_parse("linux/amd64", &s->amd64, NULL);
	platform_parse("linux/arm64", &s->arm64, NULL);
	sample_image_make(&s->image, "a", 2, "\"created\":\"2020-01-01T00:00:00Z\",");
	put(s, &s->image.manifest);
	put(s, &s->image.config);
	s->top = (struct descriptor){.media_type = (char *)OCI_TYPE_MANIFEST,
				     .digest = s->image.manifest.digest,
				     .size = s->image.manifest.body.len};
	return 0;
}

static int scene_close(void **state)
{
	struct scene *s = *state;

	store_close(s->store);
	scratch_drop(&s->dir);
	sample_image_free(&s->image);
	free(s);
	return 0;
}

static uint64_t size_of(struct scene *s)
{
	struct image_facts f;

	assert_int_equal(image_facts(s->store, &s->top, &s->amd64, &f, NULL), 0);
	assert_true(digest_equal(&f.config, &s->image.config.digest));
	assert_true(digest_equal(&f.manifest, &s->image.manifest.digest));
	assert_true(f.has_created && f.created == 1577836800 && !f.artifact);
	return f.size;
}

/* derived/layers has been at rest for long. */
static void settle(struct scene *s)
{
	const struct timespec long_ago[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};

	assert_int_equal(utimensat(store_cachefd(s->store), "derived/layers", long_ago, 0), 0);
}

static void index_layer(struct scene *s, size_t layer)
{
	const struct sample_layer *l = &s->image.layers[layer];

	put(s, &l->blob);
	assert_int_equal(layer_build_from_blob(s->store, &l->blob.digest, &l->diff_id, NULL, NULL),
			 0);
}

static void the_size_follows_the_layers_that_are_indexed(void **state)
{
	struct scene *s = *state;
	const struct sample_layer *l = s->image.layers;

	settle(s);
	for (int again = 0; again < 2; again++)
		assert_int_equal(size_of(s), l[0].blob.body.len + l[1].blob.body.len);
	index_layer(s, 0);
	assert_int_equal(size_of(s), l[0].plain + l[1].blob.body.len);
	index_layer(s, 1);
	for (int again = 0; again < 2; again++)
		assert_int_equal(size_of(s), l[0].plain + l[1].plain);
}

static void what_is_not_there_any_more_is_not_remembered(void **state)
{
	struct scene *s = *state;
	struct image_facts f;
	char path[BLOB_PATH_MAX];

	settle(s);
	size_of(s);
	unlinkat(store_dirfd(s->store), blob_path(&s->image.config.digest, path), 0);
	assert_int_equal(image_facts(s->store, &s->top, &s->amd64, &f, NULL), -ENOENT);
	put(s, &s->image.config);
	size_of(s);
}

/* An index of which amd64 alone is there shows that, also where arm64 is wished; until that
 * comes. */
static void the_platform_that_is_wished_replaces_the_one_that_was_there(void **state)
{
	struct scene *s = *state;
	struct sample_image arm = {0};
	struct sample index = {0};
	struct descriptor top;
	struct image_facts f;
	char amd64[DIGEST_TEXT_MAX], arm64[DIGEST_TEXT_MAX];

	sample_image_make(&arm, "b", 1, "");
	buf_printf(&index.body,
		   "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\","
		   "\"size\":%zu,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
		   "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu,"
		   "\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}}]}",
		   OCI_TYPE_MANIFEST, digest_text(&s->image.manifest.digest, amd64),
		   s->image.manifest.body.len, OCI_TYPE_MANIFEST,
		   digest_text(&arm.manifest.digest, arm64), arm.manifest.body.len);
	sample_seal(&index);
	put(s, &index);
	settle(s);
	top = (struct descriptor){
	    .media_type = (char *)OCI_TYPE_INDEX, .digest = index.digest, .size = index.body.len};
	for (int again = 0; again < 2; again++) {
		assert_int_equal(image_facts(s->store, &top, &s->arm64, &f, NULL), 0);
		assert_true(digest_equal(&f.manifest, &s->image.manifest.digest));
	}
	put(s, &arm.manifest);
	put(s, &arm.config);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(image_facts(s->store, &top, &s->arm64, &f, NULL), 0);
		assert_true(digest_equal(&f.manifest, &arm.manifest.digest));
		assert_int_equal(image_facts(s->store, &top, &s->amd64, &f, NULL), 0);
		assert_true(digest_equal(&f.manifest, &s->image.manifest.digest));
	}
	sample_image_free(&arm);
	buf_free(&index.body);
}

static void *ask(void *arg)
{
	struct scene *s = arg;
	struct image_facts f;

	for (int i = 0; i < 200; i++)
		if (image_facts(s->store, &s->top, i % 2 ? &s->amd64 : &s->arm64, &f, NULL) < 0)
			return "failed";
	return NULL;
}

static void many_may_ask_at_once(void **state)
{
	struct scene *s = *state;
	pthread_t threads[4];
	void *failed;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, s), 0);
	settle(s);
	index_layer(s, 0);
	index_layer(s, 1);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(size_of(s), s->image.layers[0].plain + s->image.layers[1].plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_size_follows_the_layers_that_are_indexed,
					    scene_open, scene_close),
	    cmocka_unit_test_setup_teardown(what_is_not_there_any_more_is_not_remembered,
					    scene_open, scene_close),
	    cmocka_unit_test_setup_teardown(
		the_platform_that_is_wished_replaces_the_one_that_was_there, scene_open,
		scene_close),
	    cmocka_unit_test_setup_teardown(many_may_ask_at_once, scene_open, scene_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
