/* SPDX-License-Identifier: MIT */
#include "store/images/fsck.h"

#include "store/base/io.h"
#include "store/base/xxh.h"
#include "store/layer/layer_index.h"
#include "store/tree/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_PIECE (1u << 20)

struct derived_walk {
	struct store *store; /* borrowed */
	struct cancel *cancel;
	int (*each)(void *arg, const char *path, struct err *err);
	void *arg;
	const char *directory;
};

/* The XXH3-64 of a whole file. */
static int sum_file(struct store *s, const char *path, uint64_t *out, struct err *err)
{
	autoclose int fd = io_open(store_cachefd(s), path, O_RDONLY, 0, err);
	autofree char *piece = malloc(FRAMES_PIECE);
	XXH3_state_t *sum = XXH3_createState();
	off_t at = 0;
	ssize_t n = fd < 0 ? fd : !piece || !sum ? err_nomem(err) : 1;

	if (sum)
		XXH3_64bits_reset(sum);
	while (n > 0 && (n = io_pread(fd, piece, FRAMES_PIECE, at, err)) > 0) {
		XXH3_64bits_update(sum, piece, (size_t)n);
		at += n;
	}
	if (!n)
		*out = XXH3_64bits_digest(sum);
	XXH3_freeState(sum);
	return (int)n;
}

/* Frames without an index are nobody's. */
static bool frames_are_whole(struct store *s, const struct digest *blob, const char *path)
{
	AUTO(layer_index_close) struct layer_index *x = NULL;
	uint64_t sum = 0;

	return layer_index_open(s, blob, LAYER_CHECK_BLOCKS, &x, NULL) == 0 &&
	       layer_index_frames_size(x) > 0 && sum_file(s, path, &sum, NULL) == 0 &&
	       sum == layer_index_frames_check(x);
}

static bool index_is_whole(struct store *s, const struct digest *blob, const char *suffix)
{
	for (enum layer_check kind = 0; kind <= LAYER_CHECK_RAW; kind++) {
		AUTO(layer_index_close) struct layer_index *x = NULL;

		if (strcmp(suffix, layer_suffix(kind)) == 0)
			return layer_index_open(s, blob, kind, &x, NULL) == 0;
	}
	return true; /* not ours */
}

static bool tree_is_whole(struct store *s, const char *path)
{
	static const enum tree_kind kinds[] = {TREE_MERGED, TREE_DIFF};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		AUTO(tree_close) struct tree *t = NULL;

		if (tree_open_at(store_cachefd(s), path, kinds[i], &t, NULL) == 0)
			return true;
	}
	return false;
}

static bool derived_is_whole(struct store *s, const char *name, const char *path, bool tree)
{
	const char *suffix = strchr(name, '.');
	struct digest digest;

	if (!digest_parse_name(name, &digest))
		return true;
	if (tree)
		return tree_is_whole(s, path);
	suffix = suffix ? suffix : "";
	return strcmp(suffix, ".frames") == 0 ? frames_are_whole(s, &digest, path)
					      : index_is_whole(s, &digest, suffix);
}

static int fsck_on_derived(void *arg, int dirfd, const char *name, struct err *err)
{
	const struct derived_walk *w = arg;
	int r = cancel_check(w->cancel, err);
	char path[512];

	(void)dirfd;
	snprintf(path, sizeof(path), "%s/%s", w->directory, name);
	if (r || derived_is_whole(w->store, name, path, strcmp(w->directory, "derived/trees") == 0))
		return r;
	return w->each(w->arg, path, err);
}

int fsck_derived(struct store *s, struct cancel *cancel,
		 int (*each)(void *arg, const char *path, struct err *err), void *arg,
		 struct err *err)
{
	static const char *const directories[] = {"derived/layers", "derived/trees"};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(directories) / sizeof(*directories); i++) {
		struct derived_walk w = {s, cancel, each, arg, directories[i]};

		r = io_each_file(store_cachefd(s), directories[i], fsck_on_derived, &w, err);
	}
	return r;
}
