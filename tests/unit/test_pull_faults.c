/* SPDX-License-Identifier: MIT */
#include "tests/unit/pull_scene.h"

/* ---- documents that are refused ---- */

static void a_document_that_is_not_what_it_is_called_is_refused(void **state)
{
	struct scene *s = *state;
	struct sample index;

	fake_add_document(&s->registry, "called", OCI_TYPE_INDEX, &s->image.manifest);
	assert_int_equal(pull(s, "app:called"), -EPROTO);
	sample_index_make(&index, OCI_TYPE_INDEX, &s->image.manifest, "amd64");
	fake_add_document(&s->registry, "linked", OCI_TYPE_INDEX, &index);
	assert_int_equal(pull(s, "app:linked"), -EPROTO);
	buf_free(&index.body);
}

static void a_manifest_of_another_size_than_described_is_refused(void **state)
{
	struct scene *s = *state;
	struct sample index, longer = s->image.manifest;

	longer.body.len++;
	sample_index_make(&index, OCI_TYPE_MANIFEST, &longer, "amd64");
	fake_add_document(&s->registry, "size", OCI_TYPE_INDEX, &index);
	assert_int_equal(pull(s, "app:size"), -EBADMSG);
	assert_says(s, "descriptor");
	/* So it is the second time, and where the manifest is here by its own name. */
	assert_int_equal(pull(s, "app:size"), -EBADMSG);
	assert_int_equal(pull(s, "app:1"), 0);
	assert_int_equal(pull(s, "app:size"), -EBADMSG);
	assert_says(s, "descriptor");
	buf_free(&index.body);
}

static void layers_that_are_not_to_be_had_are_refused(void **state)
{
	struct scene *s = *state;
	struct sample_image i = s->image;

	i.manifest = (struct sample){0};
	sample_manifest_make(&i, SAMPLE_LAYER_TYPE, ",\"urls\":[\"https://example.com/\"]");
	fake_add_document(&s->registry, "foreign", OCI_TYPE_MANIFEST, &i.manifest);
	s->registry.blob_count = 1; /* the config alone */
	assert_int_equal(pull(s, "app:foreign"), -EOPNOTSUPP);
	assert_says(s, "foreign layer");
	assert_int_equal(s->registry.blob_bytes, i.config.body.len);
	s->registry.blob_count = 1 + i.layer_count;
	assert_int_equal(pull(s, "app:foreign"), 0);
	buf_free(&i.manifest.body);

	i.manifest = (struct sample){0};
	sample_manifest_make(&i, "application/x-unknown", "");
	fake_move_tag(&s->registry, "foreign", &i.manifest);
	assert_int_equal(pull(s, "app:foreign"), -EOPNOTSUPP);
	assert_says(s, "application/x-unknown");
	buf_free(&i.manifest.body);
}

static void a_config_of_another_number_of_layers_is_refused(void **state)
{
	struct scene *s = *state;
	struct sample_image i = s->image;

	i.manifest = i.config = (struct sample){0};
	i.layer_count = 2;
	sample_config_make(&i, "amd64", "");
	i.layer_count = 3;
	sample_manifest_make(&i, SAMPLE_LAYER_TYPE, "");
	fake_add_image(&s->registry, "count", &i);
	assert_int_equal(pull(s, "app:count"), -EPROTO);
	assert_says(s, "3 layers, but the config names 2");
	buf_free(&i.config.body);
	buf_free(&i.manifest.body);
}

static void a_wrong_diff_id_is_refused_even_where_the_layer_is_there(void **state)
{
	struct scene *s = *state;
	struct sample_image i = s->image;

	i.manifest = i.config = (struct sample){0};
	i.layers[2].diff_id = i.layers[0].diff_id;
	sample_config_make(&i, "amd64", "");
	sample_manifest_make(&i, SAMPLE_LAYER_TYPE, "");
	fake_add_image(&s->registry, "bad", &i);
	assert_int_equal(pull(s, "app:bad"), -EBADMSG);
	assert_int_equal(pull(s, "app:1"), 0);
	assert_int_equal(pull(s, "app:bad"), -EBADMSG);
	assert_false(has_name(s, "docker.io/library/app:bad", NULL));
	buf_free(&i.config.body);
	buf_free(&i.manifest.body);
}

static void a_layer_that_is_corrupt_in_the_registry_is_told_from_a_spoilt_one(void **state)
{
	struct scene *s = *state;
	struct sample_image i = s->image;
	autobuf cut = BUF_INIT;

	buf_append(&cut, i.layers[2].blob.body.data, i.layers[2].blob.body.len);
	cut.data[cut.len / 3] ^= 0xff;
	i.layers[2].blob.body = cut;
	sample_seal(&i.layers[2].blob);
	i.manifest = i.config = (struct sample){0};
	sample_config_make(&i, "amd64", "");
	sample_manifest_make(&i, SAMPLE_LAYER_TYPE, "");
	fake_add_image(&s->registry, "corrupt", &i);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(pull(s, "app:corrupt"), -EBADMSG);
		assert_says(s, "pull app:corrupt: layer sha256:");
		assert_null(strstr(s->err.text, "blob"));
	}
	assert_int_equal(pull(s, "app:1"), 0);
	buf_free(&i.config.body);
	buf_free(&i.manifest.body);
}

/* ---- faults on the way ---- */

static void a_cut_blob_is_resumed(void **state)
{
	struct scene *s = *state;

	s->registry.faulty = &s->image.layers[2].blob;
	s->registry.fail_at = 200000;
	assert_int_equal(pull(s, "app:1"), -ECONNREFUSED);
	assert_says(s, "connection refused");
	assert_false(has_name(s, "docker.io/library/app:1", NULL));
	s->registry.fail_at = 0;
	s->registry.highest_offset = 0;
	assert_int_equal(pull(s, "app:1"), 0);
	assert_true(s->registry.highest_offset >= 100000);
	assert_true(s->registry.blob_bytes < 500000);
	assert_true(has_file(s, &s->image, "file2"));
}

static void a_full_disk_keeps_nothing_half_written(void **state)
{
	struct scene *s = *state;

	s->registry.faulty = &s->image.layers[2].blob;
	s->registry.fail_at = 200000;
	s->registry.fail_code = ENOSPC;
	assert_int_equal(pull(s, "app:1"), -ENOSPC);
	assert_says(s, "pull app:1: of ");
	assert_int_equal(rmdir(scratch_path(&s->dir, "partial")), 0); /* it is empty */
}

static void a_server_that_ignores_ranges_starts_over(void **state)
{
	struct scene *s = *state;

	s->registry.faulty = &s->image.layers[2].blob;
	s->registry.fail_at = 200000;
	assert_int_equal(pull(s, "app:1"), -ECONNREFUSED);
	s->registry.fail_at = 0;
	s->registry.ignores_range = true;
	assert_int_equal(pull(s, "app:1"), 0);
	assert_true(has_file(s, &s->image, "file2"));
}

static void a_stream_that_starts_over_is_followed(void **state)
{
	struct scene *s = *state;

	s->registry.faulty = &s->image.layers[2].blob;
	s->registry.stale_at = 200000;
	assert_int_equal(pull(s, "app:1"), 0);
	assert_int_equal(s->registry.stale_at, 0);
	assert_true(has_file(s, &s->image, "file2"));
}

static void assert_fetched_again(struct scene *s, size_t spoil_at)
{
	s->registry.faulty = &s->image.layers[2].blob;
	s->registry.spoils = 1;
	s->registry.spoil_at = spoil_at;
	assert_int_equal(pull(s, "app:1"), 0);
	assert_int_equal(s->registry.spoils, 0);
	assert_true(has_file(s, &s->image, "file2"));
}

static void a_header_spoilt_once_is_fetched_again(void **state)
{
	assert_fetched_again(*state, 0);
}

static void data_spoilt_once_are_fetched_again(void **state)
{
	assert_fetched_again(*state, 150000);
}

static void bytes_always_spoilt_are_an_error_of_the_digest(void **state)
{
	struct scene *s = *state;
	const struct sample *blob = &s->image.layers[1].blob;

	s->registry.faulty = blob;
	s->registry.spoils = 100;
	s->registry.spoil_at = 100000;
	assert_int_equal(pull(s, "app:1"), -EBADMSG);
	assert_int_equal(s->registry.spoils, 98);
	assert_says(s, "layer sha256:");
	assert_says(s, "digest");
	assert_false(blob_exists(s->store, &blob->digest, blob->body.len));
	assert_false(has_name(s, "docker.io/library/app:1", NULL));
}

static void a_spoilt_config_is_refused(void **state)
{
	struct scene *s = *state;

	s->registry.faulty = &s->image.config;
	s->registry.spoils = 100;
	s->registry.spoil_at = 20;
	assert_int_equal(pull(s, "app:1"), -EBADMSG);
	assert_says(s, "config");
}

/* ---- rot on the disk ---- */

static void flip_byte(struct scene *s, const struct digest *blob, size_t at)
{
	char path[BLOB_PATH_MAX], c;
	int fd = openat(s->dir.fd, blob_path(blob, path), O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
	c ^= 0x55;
	assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
	close(fd);
}

static void documents_that_have_rotted_are_fetched_anew(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pull(s, "app:1"), 0);
	flip_byte(s, &s->image.manifest.digest, 30);
	flip_byte(s, &s->image.config.digest, 30);
	assert_int_equal(pull(s, "app:1"), 0);
	assert_int_equal(s->registry.gets, 1);
	assert_int_equal(s->registry.blob_requests, 1);
	assert_int_equal(blob_verify(s->store, &s->image.manifest.digest, NULL, NULL), 0);
	assert_int_equal(blob_verify(s->store, &s->image.config.digest, NULL, NULL), 0);
}

static void a_layer_that_has_rotted_before_it_was_indexed_is_fetched_anew(void **state)
{
	struct scene *s = *state;
	const struct digest *layer = &s->image.layers[2].blob.digest;
	char name[BLOB_PATH_MAX], hex[DIGEST_HEX_MAX];

	assert_int_equal(pull(s, "app:1"), 0);
	flip_byte(s, layer, 150000);
	snprintf(name, sizeof(name), "derived/layers/%s", digest_hex(layer, hex));
	assert_int_equal(unlinkat(s->dir.fd, name, 0), 0);
	assert_int_equal(pull(s, "app:1"), 0);
	assert_int_equal(s->registry.blob_requests, 1);
	assert_int_equal(blob_verify(s->store, layer, NULL, NULL), 0);
}

static void the_empty_image_has_no_registry(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pull(s, "scratch"), -EINVAL);
	assert_says(s, "'scratch' is a reserved name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE_TEST(a_document_that_is_not_what_it_is_called_is_refused),
	    SCENE_TEST(a_manifest_of_another_size_than_described_is_refused),
	    SCENE_TEST(layers_that_are_not_to_be_had_are_refused),
	    SCENE_TEST(a_config_of_another_number_of_layers_is_refused),
	    SCENE_TEST(a_wrong_diff_id_is_refused_even_where_the_layer_is_there),
	    SCENE_TEST(a_layer_that_is_corrupt_in_the_registry_is_told_from_a_spoilt_one),
	    SCENE_TEST(a_cut_blob_is_resumed),
	    SCENE_TEST(a_full_disk_keeps_nothing_half_written),
	    SCENE_TEST(a_server_that_ignores_ranges_starts_over),
	    SCENE_TEST(a_stream_that_starts_over_is_followed),
	    SCENE_TEST(a_header_spoilt_once_is_fetched_again),
	    SCENE_TEST(data_spoilt_once_are_fetched_again),
	    SCENE_TEST(bytes_always_spoilt_are_an_error_of_the_digest),
	    SCENE_TEST(a_spoilt_config_is_refused),
	    SCENE_TEST(documents_that_have_rotted_are_fetched_anew),
	    SCENE_TEST(a_layer_that_has_rotted_before_it_was_indexed_is_fetched_anew),
	    SCENE_TEST(the_empty_image_has_no_registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
