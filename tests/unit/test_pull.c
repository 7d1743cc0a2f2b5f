/* SPDX-License-Identifier: MIT */
#include "tests/unit/pull_scene.h"

/* ---- what a pull brings ---- */

static void a_pull_brings_everything_and_says_what_docker_says(void **state)
{
	struct scene *s = *state;
	char digest[DIGEST_TEXT_MAX], line[400];

	assert_int_equal(pull(s, "localhost:5000/team/app:1"), 0);
	assert_memory_equal(s->lines.data, "1: Pulling from team/app\n", 25);
	for (size_t n = 0; n < 3; n++) {
		const struct sample_layer *l = &s->image.layers[n];

		assert_true(blob_exists(s->store, &l->blob.digest, l->blob.body.len));
		assert_true(heard(s, &l->blob.digest, "Pulling fs layer"));
		assert_true(heard(s, &l->blob.digest, "Download complete"));
		assert_true(heard(s, &l->blob.digest, "Pull complete"));
	}
	snprintf(line, sizeof(line),
		 "Digest: %s\nStatus: Downloaded newer image for localhost:5000/team/app:1\n"
		 "localhost:5000/team/app:1",
		 digest_text(&s->image.manifest.digest, digest));
	assert_true(heard(s, NULL, line));
	assert_true(has_name(s, "localhost:5000/team/app:1", &s->image.manifest.digest));
	assert_true(has_file(s, &s->image, "file0"));
	assert_true(has_file(s, &s->image, "file2"));
	assert_int_equal(s->done, s->total);
	assert_true(s->total > 400000);
}

static void a_second_pull_asks_for_the_digest_alone(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pull(s, "app:1"), 0);
	assert_int_equal(pull(s, "app:1"), 0);
	assert_int_equal(s->registry.heads, 1);
	assert_int_equal(s->registry.gets, 0);
	assert_int_equal(s->registry.blob_requests, 0);
	assert_true(heard(s, NULL,
			  "Status: Image is up to date for app:1\n"
			  "docker.io/library/app:1"));
	assert_null(strstr(s->lines.data, "exists"));
}

static void a_moved_tag_is_followed_and_shared_layers_stay(void **state)
{
	struct scene *s = *state;
	struct sample_image next;

	assert_int_equal(pull(s, "app:1"), 0);
	sample_image_make(&next, "file", 4, "");
	fake_add_image(&s->registry, "", &next);
	fake_move_tag(&s->registry, "1", &next.manifest);
	assert_int_equal(pull(s, "app:1"), 0);
	assert_true(heard(s, NULL, "Status: Downloaded newer image for app:1"));
	assert_true(heard(s, &next.layers[0].blob.digest, "Already exists"));
	assert_true(heard(s, &next.layers[3].blob.digest, "Pull complete"));
	assert_int_equal(s->registry.blob_requests, 2); /* a layer, and the config */
	assert_true(has_name(s, "docker.io/library/app:1", &next.manifest.digest));
	sample_image_free(&next);
}

static void a_pull_by_digest_records_the_digest_and_asks_no_more(void **state)
{
	struct scene *s = *state;
	char digest[DIGEST_TEXT_MAX], name[200], line[600];

	digest_text(&s->image.manifest.digest, digest);
	snprintf(name, sizeof(name), "app@%s", digest);
	assert_int_equal(pull(s, name), 0);
	snprintf(line, sizeof(line), "docker.io/library/%s: Pulling from library/app", name);
	assert_true(heard(s, NULL, line));
	snprintf(line, sizeof(line), "Status: Downloaded newer image for %s\ndocker.io/library/%s",
		 name, name);
	assert_true(heard(s, NULL, line));
	snprintf(line, sizeof(line), "docker.io/library/%s", name);
	assert_true(has_name(s, line, &s->image.manifest.digest));
	assert_false(has_name(s, "docker.io/library/app:latest", NULL));

	assert_int_equal(pull(s, name), 0);
	assert_int_equal(s->registry.gets + s->registry.heads + s->registry.blob_requests, 0);

	snprintf(name, sizeof(name), "app:2@%s", digest);
	assert_int_equal(pull(s, name), 0);
	assert_true(has_name(s, "docker.io/library/app:2", &s->image.manifest.digest));
}

static void all_tags_are_pulled_one_after_the_other(void **state)
{
	struct scene *s = *state;
	autoref repository = REF_INIT;

	fake_add_document(&s->registry, "2", OCI_TYPE_MANIFEST, &s->image.manifest);
	ref_parse_repository("app", &repository, NULL);
	assert_int_equal(pull_all_tags(&s->pull, &repository, &s->err), 0);
	assert_true(has_name(s, "docker.io/library/app:1", &s->image.manifest.digest));
	assert_true(has_name(s, "docker.io/library/app:2", &s->image.manifest.digest));
	assert_true(heard(s, NULL,
			  "Status: Downloaded newer image for app:1\n"
			  "2: Pulling from library/app"));
	assert_true(heard(s, NULL,
			  "Status: Downloaded newer image for app:2\n"
			  "docker.io/library/app"));
}

static void a_looked_up_manifest_fetches_no_layer(void **state)
{
	struct scene *s = *state;
	struct descriptor top = {0};
	autoref ref = REF_INIT;

	ref_parse("app:1", &ref, NULL);
	assert_int_equal(pull_manifest(&s->pull, &ref, &top, &s->err), 0);
	assert_true(digest_equal(&top.digest, &s->image.manifest.digest));
	assert_int_equal(s->registry.blob_requests, 1); /* the config */
	assert_true(has_name(s, "docker.io/library/app:1", NULL));
	descriptor_clear(&top);
	assert_int_equal(pull(s, "app:1"), 0);
	assert_true(heard(s, NULL, "Status: Downloaded newer image for app:1"));
}

static void a_layer_named_twice_is_fetched_once(void **state)
{
	struct scene *s = *state;
	struct sample_image twice = s->image;

	twice.manifest = twice.config = (struct sample){0};
	twice.layers[2] = twice.layers[1];
	sample_config_make(&twice, "amd64", "");
	sample_manifest_make(&twice, SAMPLE_LAYER_TYPE, "");
	fake_add_image(&s->registry, "twice", &twice);
	assert_int_equal(pull(s, "app:twice"), 0);
	assert_int_equal(s->registry.blob_requests, 3);
	buf_free(&twice.config.body);
	buf_free(&twice.manifest.body);
}

static void empty_directory(struct scene *s, const char *name)
{
	const char *path = scratch_path(&s->dir, name);

	nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void what_is_derived_is_made_again_from_the_blobs(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pull(s, "app:1"), 0);
	empty_directory(s, "derived/layers");
	empty_directory(s, "derived/trees");
	assert_false(has_file(s, &s->image, "file1"));
	assert_int_equal(pull(s, "app:1"), 0);
	assert_int_equal(s->registry.blob_requests, 0);
	assert_true(has_file(s, &s->image, "file1"));
}

/* ---- indexes ---- */

static void the_platform_of_the_wish_is_chosen(void **state)
{
	struct scene *s = *state;
	struct sample index;
	char arm[] = "linux/arm64";

	sample_index_make(&index, OCI_TYPE_MANIFEST, &s->image.manifest, "amd64");
	fake_add_document(&s->registry, "multi", OCI_TYPE_INDEX, &index);
	assert_int_equal(pull(s, "app:multi"), 0);
	assert_true(has_name(s, "docker.io/library/app:multi", &index.digest));
	assert_true(blob_exists(s->store, &index.digest, index.body.len));
	assert_true(has_file(s, &s->image, "file0"));

	platform_parse(arm, &s->platform, NULL);
	fake_add_document(&s->registry, "other", OCI_TYPE_INDEX, &index);
	assert_int_equal(pull(s, "app:other"), -ENOENT);
	assert_says(s, "pull app:other: ");
	assert_says(s, "no matching manifest for linux/arm64");
	assert_says(s, "linux/amd64");
	assert_false(has_name(s, "docker.io/library/app:other", NULL));
	buf_free(&index.body);
}

static void an_image_of_another_platform_is_taken_with_a_warning(void **state)
{
	struct scene *s = *state;

	platform_parse("linux/s390x", &s->platform, NULL);
	assert_int_equal(pull(s, "app:1"), 0);
	assert_true(heard(s, NULL,
			  "WARNING: image with reference app:1 was found but its platform "
			  "(linux/amd64) does not match the specified platform "
			  "(linux/s390x)"));
}

static void indexes_are_not_followed_without_end(void **state)
{
	struct scene *s = *state;
	struct sample chain[6];

	sample_index_make(&chain[0], OCI_TYPE_MANIFEST, &s->image.manifest, "amd64");
	for (size_t i = 1; i < 6; i++)
		sample_index_make(&chain[i], OCI_TYPE_INDEX, &chain[i - 1], "amd64");
	for (size_t i = 0; i < 6; i++)
		fake_add_document(&s->registry,
				  i == 3   ? "four"
				  : i == 4 ? "five"
					   : "",
				  OCI_TYPE_INDEX, &chain[i]);
	assert_int_equal(pull(s, "app:five"), -EPROTO);
	assert_says(s, "nested");
	assert_int_equal(s->registry.gets, 5); /* the indexes, and not what lies below */
	assert_int_equal(pull(s, "app:four"), 0);
	for (size_t i = 0; i < 6; i++)
		buf_free(&chain[i].body);
}

/* ---- threads ---- */

static void *cancel_in_a_layer(void *arg)
{
	struct scene *s = arg;

	UNTIL(s->registry.hanging);
	cancel_set(&s->cancel);
	return NULL;
}

static void a_cancelled_pull_stops_all_its_layers(void **state)
{
	struct scene *s = *state;
	pthread_t thread;

	s->registry.faulty = &s->image.layers[2].blob;
	s->registry.hangs = true;
	pthread_create(&thread, NULL, cancel_in_a_layer, s);
	assert_int_equal(pull(s, "app:1"), -EINTR);
	pthread_join(thread, NULL);
	assert_false(has_name(s, "docker.io/library/app:1", NULL));
}

static void the_first_failure_stops_the_other_layers(void **state)
{
	struct scene *s = *state;

	s->registry.faulty = &s->image.layers[2].blob;
	s->registry.hangs = true;
	s->registry.blobs[2] = &s->image.config; /* layer 1 is not there */
	assert_int_equal(pull(s, "app:1"), -ENOENT);
	assert_says(s, "blob unknown");
}

static void *pull_beside(void *arg)
{
	struct scene *s = arg;
	struct transfer p = s->pull;
	autoref ref = REF_INIT;

	p.watch = NULL;
	assert_int_equal(ref_parse("app:1", &ref, NULL), 0);
	return (void *)(intptr_t)pull_image(&p, &ref, NULL);
}

static void two_pulls_of_one_image_at_once_fetch_it_once(void **state)
{
	struct scene *s = *state;
	pthread_t threads[3];
	void *result;

	for (size_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, pull_beside, s);
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		assert_null(result);
	}
	assert_true(s->registry.blob_bytes < s->image.layers[0].blob.body.len +
						 s->image.layers[1].blob.body.len +
						 s->image.layers[2].blob.body.len + 4096);
	assert_true(has_file(s, &s->image, "file2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE_TEST(a_pull_brings_everything_and_says_what_docker_says),
	    SCENE_TEST(a_second_pull_asks_for_the_digest_alone),
	    SCENE_TEST(a_moved_tag_is_followed_and_shared_layers_stay),
	    SCENE_TEST(a_pull_by_digest_records_the_digest_and_asks_no_more),
	    SCENE_TEST(all_tags_are_pulled_one_after_the_other),
	    SCENE_TEST(a_looked_up_manifest_fetches_no_layer),
	    SCENE_TEST(a_layer_named_twice_is_fetched_once),
	    SCENE_TEST(what_is_derived_is_made_again_from_the_blobs),
	    SCENE_TEST(the_platform_of_the_wish_is_chosen),
	    SCENE_TEST(an_image_of_another_platform_is_taken_with_a_warning),
	    SCENE_TEST(indexes_are_not_followed_without_end),
	    SCENE_TEST(a_cancelled_pull_stops_all_its_layers),
	    SCENE_TEST(the_first_failure_stops_the_other_layers),
	    SCENE_TEST(two_pulls_of_one_image_at_once_fetch_it_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
