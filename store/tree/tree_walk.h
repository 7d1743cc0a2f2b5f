/* SPDX-License-Identifier: MIT */
/*
 * Paths in the tree of one layer. Symlinks of the layer itself are followed, inside the root.
 * Symlinks of lower layers are no part of this tree, and never followed.
 */
#ifndef STORE_TREE_WALK_H
#define STORE_TREE_WALK_H

#include "store/tree/tree_upper.h"

enum { PATH_HIDDEN = 0, PATH_SHOWN = 1 };

/*
 * Cleans a path as Go's filepath.Clean does: empty components and "." go, and ".." removes the
 * component before it; above the root lies the root. PATH_HIDDEN: the kernel would not take the path
 * (too long, or too deep); else PATH_SHOWN.
 */
int tree_walk_clean(const char *path, size_t len, char to[static ENTRY_PATH_MAX + 1],
		    size_t *out_len);

/*
 * Finds the directory at a path. With `make` a component that is missing, or no directory, becomes
 * one. *out is BUILD_NONE if there is none, if it would be too deep, and for a loop of symlinks.
 * -EBADMSG: symlinks make the path too long.
 */
int tree_walk_dir(struct tree_upper *u, const char *path, size_t len, bool make, uint32_t *out,
		  struct err *err);

/* Finds the node at a path, or BUILD_NONE; its last component is not followed. */
int tree_walk_file(struct tree_upper *u, const char *path, uint32_t *out, struct err *err);

/* True if the layer, so far, hides what the layers below have at a path. */
bool tree_walk_is_hidden(const struct tree_upper *u, const char *path);

/* The node at a path in the merged layers below, or BUILD_NONE; no symlink is followed. */
uint32_t tree_walk_below(const struct tree_upper *u, const char *path);

bool tree_walk_is_dir(const struct tree_upper *u, uint32_t node);

/* Lets a name lead to the node (BUILD_NONE: nowhere). */
void tree_walk_set(struct tree_upper *u, uint32_t name, uint32_t node);

#endif
