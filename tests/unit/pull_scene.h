/* SPDX-License-Identifier: MIT */
/*
 * A store in a scratch directory, a registry in memory that has app:1 (three layers), and a pull
 * whose watch writes down what it hears: for the tests of pulling.
 */
#ifndef TESTS_PULL_SCENE_H
#define TESTS_PULL_SCENE_H

#include "registry/transfer/pull.h"
#include "store/tree/tree.h"
#include "store/disk/blob.h"
#include "store/layer/layer_index.h"
#include "store/disk/names.h"
#include "tests/unit/fake_registry.h"
#include "tests/unit/scratch.h"

#define SCENE_TEST(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

struct scene {
	struct scratch dir;
	struct store *store;
	struct registry registry;
	struct platform platform;
	struct cancel cancel;
	struct transfer_watch watch;
	struct transfer pull;
	struct sample_image image; /* app:1, three layers */
	struct buf lines;
	uint64_t done, total;
	struct err err;
};

static void on_line(void *arg, const char *line)
{
	struct scene *s = arg;

	buf_printf(&s->lines, "%s\n", line);
}

static void on_bytes(void *arg, uint64_t done, uint64_t total)
{
	struct scene *s = arg;

	assert_true(done <= total);
	s->done = done;
	s->total = total;
}

static int scene_open(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	*state = s;
	s->dir = scratch_make();
	assert_int_equal(store_open(s->dir.path, &s->store, &s->err), 0);
	pthread_mutex_init(&s->registry.lock, NULL);
	cancel_init(&s->cancel);
	platform_parse("linux/amd64", &s->platform, NULL);
	s->watch = (struct transfer_watch){.arg = s, .line = on_line, .bytes = on_bytes};
	s->pull = (struct transfer){.registry = &s->registry,
				    .store = s->store,
				    .platform = &s->platform,
				    .cancel = &s->cancel,
				    .watch = &s->watch};
	sample_image_make(&s->image, "file", 3, "");
	fake_add_image(&s->registry, "1", &s->image);
	return 0;
}

static int scene_close(void **state)
{
	struct scene *s = *state;

	store_close(s->store);
	scratch_drop(&s->dir);
	cancel_destroy(&s->cancel);
	pthread_mutex_destroy(&s->registry.lock);
	sample_image_free(&s->image);
	buf_free(&s->lines);
	free(s);
	return 0;
}

static int pull(struct scene *s, const char *reference)
{
	autoref ref = REF_INIT;

	buf_reset(&s->lines);
	s->registry.gets = s->registry.heads = s->registry.blob_requests = 0;
	s->registry.blob_bytes = 0;
	memset(&s->err, 0, sizeof(s->err));
	assert_int_equal(ref_parse(reference, &ref, NULL), 0);
	return pull_image(&s->pull, &ref, &s->err);
}

static inline void assert_says(const struct scene *s, const char *part)
{
	if (!strstr(s->err.text, part))
		fail_msg("\"%s\" lacks \"%s\"", s->err.text, part);
}

/* A line that the watch heard; %12 stands for the short digest. */
static inline bool heard(const struct scene *s, const struct digest *digest, const char *rest)
{
	char hex[DIGEST_HEX_MAX], line[700];

	if (digest)
		snprintf(line, sizeof(line), "%.12s: %s\n", digest_hex(digest, hex), rest);
	else
		snprintf(line, sizeof(line), "%s\n", rest);
	return s->lines.data && strstr(s->lines.data, line);
}

static inline bool has_name(struct scene *s, const char *reference, const struct digest *digest)
{
	AUTO(names_put) struct names *names = NULL;
	const struct name *name;

	assert_int_equal(names_get(s->store, &names, NULL), 0);
	name = names_find(names, reference);
	return name && (!digest || digest_equal(&name->descriptor.digest, digest));
}

/* The merged tree of the image has a file at its root. */
static inline bool has_file(struct scene *s, const struct sample_image *i, const char *name)
{
	AUTO(tree_close) struct tree *tree = NULL;
	struct layer_name layers[SAMPLE_LAYERS_MAX];

	for (size_t n = 0; n < i->layer_count; n++)
		layers[n] = (struct layer_name){.blob = i->layers[n].blob.digest};
	return tree_open(s->store, TREE_MERGED, layers, i->layer_count, &tree, NULL) == 0 &&
	       tree_lookup(tree, TREE_ROOT, name, strlen(name)) != TREE_NONE;
}

#endif
