/* SPDX-License-Identifier: MIT */
/*
 * Builds trees from the layers' tables of contents, by the rules of the OCI image specification
 * (layer.md, "Applying Changesets") as containerd's overlay snapshotter carries them out. The essay
 * on top of tree_merge.c states every rule.
 */
#ifndef STORE_TREE_MERGE_H
#define STORE_TREE_MERGE_H

#include "store/base/cancel.h"
#include "store/layer/toc.h"
#include "store/tree/tree.h"

/* A merge in steps, bottom layer first; a TREE_DIFF takes one layer (else -EINVAL). -EBADMSG: as
 * tree_entry_add, which leaves most bad entries out, or `entries` are damaged. */
struct tree_merge;
int tree_merge_open(enum tree_kind kind, struct tree_merge **out, struct err *err);
int tree_merge_layer(struct tree_merge *m, struct toc_reader *entries, struct cancel *cancel,
		     struct err *err);

/* Writes derived/trees/HEX for these digests (as for tree_open) and ends the merge. */
int tree_merge_publish(struct tree_merge *m, struct store *s, const struct layer_name *layers,
		       size_t count, struct err *err);

/* The same without a store: writes the tree as merged so far into the empty file fd, at its start. */
int tree_merge_write(struct tree_merge *m, int fd, struct err *err);
void tree_merge_close(struct tree_merge *m);
DEFINE_AUTO(struct tree_merge, tree_merge_close)

#endif
