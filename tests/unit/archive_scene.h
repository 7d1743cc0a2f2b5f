/* SPDX-License-Identifier: MIT */
/* A store, archives of images that are loaded into it, and what of them is there then. */
#ifndef TESTS_ARCHIVE_SCENE_H
#define TESTS_ARCHIVE_SCENE_H

#include "store/archive/archive_load.h"
#include "store/disk/names.h"

#include "tests/unit/tar_make.h"

#include "tests/unit/scratch.h"

#include <dirent.h>

static struct scratch dir;
static struct store *store;
static struct buf told; /* a line for each image */

static inline int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	told = (struct buf)BUF_INIT;
	return store_open(scratch_path(&dir, "store"), &store, NULL);
}

static inline int teardown(void **state)
{
	(void)state;
	store_close(store);
	buf_free(&told);
	scratch_drop(&dir);
	return 0;
}

static inline void on_loaded(void *arg, const char *reference, const struct digest *id)
{
	char text[DIGEST_TEXT_MAX];

	(void)arg;
	buf_printf(&told, "%s %.13s\n", reference ? reference : "-", digest_text(id, text));
}

/* How many files a directory of the store has. */
static inline int files(const char *path)
{
	DIR *d = fdopendir(openat(store_dirfd(store), path, O_RDONLY | O_DIRECTORY));
	struct dirent *e;
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	closedir(d);
	return n;
}

/* Feeds the archive in pieces of `step` bytes; images of other platforms than `only` are passed over. */
static inline int load_only(const struct platform *only, const void *data, size_t len, size_t step,
			    size_t *taken, struct err *err)
{
	const struct archive_load load = {.store = store, .only = only, .loaded = on_loaded};
	AUTO(archive_loader_close) struct archive_loader *l = NULL;
	int r = archive_loader_open(&load, &l, err);

	*taken = 0;
	buf_reset(&told);
	while (r == 0 && *taken < len) {
		size_t n = len - *taken < step ? len - *taken : step, used = n;

		r = archive_loader_feed(l, (const char *)data + *taken, n, NULL, &used, err);
		*taken += used;
	}
	return r ? r : archive_loader_feed(l, NULL, 0, NULL, &(size_t){0}, err);
}

static inline int load(const void *data, size_t len, size_t step, size_t *taken, struct err *err)
{
	return load_only(NULL, data, len, step, taken, err);
}

static inline void member(struct tar_make *m, const char *name, const void *data, size_t len)
{
	make_header(m, &(struct tar_fields){.name = name, .size = (int64_t)len});
	make_data(m, data, len);
}

#endif
