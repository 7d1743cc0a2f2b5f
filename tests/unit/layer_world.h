/* SPDX-License-Identifier: MIT */
/*
 * A store with one archive, for the tests of layers, and what they do with it.
 */
#ifndef TESTS_LAYER_WORLD_H
#define TESTS_LAYER_WORLD_H

#include "store/layer/layer.h"
#include "store/layer/layer_build.h"
#include "store/layer/layer_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>
#include "tests/unit/sample.h"

/* A store of its own, and an archive that GNU tar made. */
struct world {
	struct scratch dir;
	struct store *store;
	struct span_cache *cache;
	struct bytes tar;
	struct digest diff_id;
};

static struct world world;

static inline int make_world(void **state)
{
	struct bytes text = sample_make(11 << 20, 21), zeros = {calloc(1, 9 << 20), 9 << 20};
	char path[512], command[1024];
	struct err err;

	(void)state;
	world.dir = scratch_make();
	snprintf(command, sizeof(command), "mkdir -p %s/tree/d", world.dir.path);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/tree/text", world.dir.path);
	sample_write(path, text);
	snprintf(path, sizeof(path), "%s/tree/zeros", world.dir.path);
	sample_write(path, zeros);
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "%s/tree/d/%d", world.dir.path, i);
		sample_write(path, (struct bytes){text.p + i * 5000, (size_t)i * 100});
	}
	snprintf(command, sizeof(command), "tar -C %s/tree -cf %s/tar .", world.dir.path,
		 world.dir.path);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/tar", world.dir.path);
	world.tar = sample_read(path);
	free(text.p);
	free(zeros.p);

	snprintf(path, sizeof(path), "%s/store", world.dir.path);
	world.cache = span_cache_new(32 << 20);
	if (store_open(path, &world.store, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return digest_of(DIGEST_SHA256, world.tar.p, world.tar.n, &world.diff_id, &err);
}

static inline int end_world(void **state)
{
	(void)state;
	span_cache_free(world.cache);
	store_close(world.store);
	free(world.tar.p);
	scratch_drop(&world.dir);
	return 0;
}

/* A blob in the store. */
static inline struct digest put_blob(struct bytes b)
{
	struct digest d;
	struct err err;

	assert_int_equal(digest_of(DIGEST_SHA256, b.p, b.n, &d, &err), 0);
	if (!blob_exists(world.store, &d, b.n))
		assert_int_equal(blob_put(world.store, &d, b.p, b.n, &err), 0);
	return d;
}

static inline struct digest put_filtered(const char *command)
{
	struct bytes b = sample_filter(command, world.tar);
	struct digest d;

	if (b.n == 0)
		skip();
	d = put_blob(b);
	free(b.p);
	return d;
}

static inline void build(const struct digest *blob)
{
	struct err err;

	if (layer_build_from_blob(world.store, blob, &world.diff_id, NULL, &err))
		fail_msg("%s", err.text);
}

static inline struct layer *open_layer(const struct digest *blob)
{
	struct layer *l;
	struct err err;

	if (layer_open(world.store, world.cache, blob, &l, &err))
		fail_msg("%s", err.text);
	return l;
}

static inline void assert_range(struct layer *l, uint64_t offset, size_t len)
{
	uint8_t *data = malloc(len + 1);
	struct err err;

	if (layer_read(l, offset, data, len, &err))
		fail_msg("%zu bytes at %llu: %s", len, (unsigned long long)offset, err.text);
	if (memcmp(data, world.tar.p + offset, len))
		fail_msg("%zu bytes at %llu are wrong", len, (unsigned long long)offset);
	free(data);
}

static inline void assert_random_ranges(struct layer *l, int n)
{
	uint64_t seed = 42;

	for (int i = 0; i < n; i++) {
		uint64_t offset = sample_random(&seed) % (world.tar.n + 1);
		size_t len = sample_random(&seed) % (i % 100 ? 9000 : 9000000);

		assert_range(l, offset, len < world.tar.n - offset ? len : world.tar.n - offset);
	}
}

static inline void path_in_store(char *path, size_t size, const struct digest *blob,
				 const char *suffix)
{
	char relative[LAYER_PATH_MAX];

	snprintf(path, size, "%s/store/%s", world.dir.path, layer_path(blob, suffix, relative));
}

static inline struct bytes read_index(const struct digest *blob)
{
	char path[512];

	path_in_store(path, sizeof(path), blob, "");
	return sample_read(path);
}

#endif
