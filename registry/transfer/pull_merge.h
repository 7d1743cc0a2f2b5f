/* SPDX-License-Identifier: MIT */
/*
 * The merged tree of an image, made layer by layer, bottom first, as its layers come; or of layers
 * that are there (pull_merge_tree). One merge is for one thread; what is borrowed stays until it is
 * closed.
 */
#ifndef REGISTRY_PULL_MERGE_H
#define REGISTRY_PULL_MERGE_H

#include "registry/transfer/pull.h"
#include "store/tree/tree.h"

struct pull_merge;
/* *out is NULL where the store has the tree. */
int pull_merge_open(const struct transfer *t, const struct layer_name *layers, size_t count,
		    struct pull_merge **out, struct err *err);

/* The layer that comes next, NULL behind the last. */
const struct digest *pull_merge_next(const struct pull_merge *m);

enum { PULL_MERGE_LATER = 1 };

/* Lays the next layer over those before it; its blob, or its table, must be there. PULL_MERGE_LATER: not
 * done, as all of them together would have more than `most` entries (each takes about 100 bytes of
 * memory). */
int pull_merge_layer(struct pull_merge *m, uint64_t most, struct err *err);

/* Lays on the layers that are left, and puts the tree into the store. */
int pull_merge_finish(struct pull_merge *m, struct err *err);
void pull_merge_close(struct pull_merge *m);
DEFINE_AUTO(struct pull_merge, pull_merge_close)

/* The merged tree of the first `count` layers (or the diff tree of one), built where it is missing.
 * The layers must be there. How each of them can be read at that time is written into `layers`. */
int pull_merge_tree(const struct transfer *t, enum tree_kind kind, struct layer_name *layers,
		    size_t count, struct tree **out, struct err *err);

#endif
