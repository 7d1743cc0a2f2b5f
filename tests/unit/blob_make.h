/* SPDX-License-Identifier: MIT */
/*
 * A store in a scratch directory and one blob of some MiB, whole or on its way. Include after
 * cmocka.h.
 */
#ifndef TESTS_BLOB_MAKE_H
#define TESTS_BLOB_MAKE_H

#include "store/disk/blob.h"

#include "tests/unit/scratch.h"

#define SIZE (3u << 20) /* of the blob that most tests write */

static struct scratch dir;
static struct store *store;
static char *data; /* SIZE bytes */
static struct digest digest;
static char path[BLOB_PATH_MAX], partial[BLOB_PATH_MAX];

static inline int setup_data(void **state)
{
	char hex[DIGEST_HEX_MAX];

	(void)state;
	data = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	digest_of(DIGEST_SHA256, data, SIZE, &digest, NULL);
	blob_path(&digest, path);
	snprintf(partial, sizeof(partial), "partial/%s", digest_hex(&digest, hex));
	return 0;
}

static inline int teardown_data(void **state)
{
	(void)state;
	free(data);
	return 0;
}

static inline int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	return store_open(dir.path, &store, NULL);
}

static inline int teardown(void **state)
{
	(void)state;
	store_close(store);
	scratch_drop(&dir);
	return 0;
}

static inline struct blob_writer *writer(void)
{
	struct blob_writer *w = NULL;
	struct err err = {0};

	if (blob_writer_open(store, &digest, SIZE, NULL, &w, &err))
		fail_msg("%s", err.text);
	return w;
}

static inline void assert_whole(void)
{
	size_t len;
	char *text = scratch_read(&dir, path, &len);

	assert_int_equal(len, SIZE);
	assert_memory_equal(text, data, SIZE);
	free(text);
	assert_false(scratch_has(&dir, partial));
}

/* Writes all that is missing, in pieces, and commits. */
static inline int complete(struct blob_writer *w, struct err *err)
{
	int r = 0;

	while (!r && blob_writer_offset(w) < SIZE) {
		size_t offset = blob_writer_offset(w), len = SIZE - offset;

		r = blob_writer_write(w, data + offset, len < 50000 ? len : 50000, err);
	}
	return r ? r : blob_writer_commit(w, err);
}

#endif
