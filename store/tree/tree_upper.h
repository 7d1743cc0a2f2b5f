/* SPDX-License-Identifier: MIT */
/*
 * One layer as a tree by itself, as it would lie in the upper directory of an overlay: its entries
 * in the order of the archive, its whiteouts as marks on names and directories. tree_entry.c,
 * tree_walk.c and tree_link.c put them in; the essay on top of tree_merge.c has the rules. Lives as
 * long as one merge; not thread safe.
 */
#ifndef STORE_TREE_UPPER_H
#define STORE_TREE_UPPER_H

#include "store/tree/tree_build.h"

#include <stdbool.h>

struct tree_upper {
	struct tree_build *b; /* borrowed */
	enum tree_kind kind;
	uint32_t layer;	   /* number, 0 the bottom */
	uint32_t root;	   /* of this layer's tree */
	uint32_t below;	   /* root of the merged layers below, for hard links; or BUILD_NONE */
	uint32_t dropped;  /* entries left out, in all layers */
	uint32_t *pending; /* owned: nodes that stand for hard links whose file was not there yet */
	uint32_t pending_count, pending_cap;
	uint64_t followed;		   /* bytes of path that symlinks of this layer stood for */
	size_t last_len;		   /* bytes of `last`; SIZE_MAX: not known */
	uint32_t last_dir;		   /* the directory at `last` */
	char last[ENTRY_PATH_MAX + 1];	   /* path of the parent of the entry before */
	char path[ENTRY_PATH_MAX + 1];	   /* of the entry, cleaned */
	char link[ENTRY_PATH_MAX + 1];	   /* target of the entry if it is a hard link, cleaned */
	char walk[2 * ENTRY_PATH_MAX + 2]; /* a path whose symlinks are being followed */
};

/* Begins the next layer with an empty tree. `below`: the root of the layers below, or BUILD_NONE. */
int tree_upper_begin(struct tree_upper *u, uint32_t below, struct err *err);

void tree_upper_free(struct tree_upper *u);

#endif
