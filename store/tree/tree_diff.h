/* SPDX-License-Identifier: MIT */
/*
 * What differs between two trees, by path. Both are walked side by side, each directory in the order
 * of its names, so that it takes the memory of one path, however large they are. Reads no content:
 * whether two files hold the same is the caller's to say. Borrows all; for one thread.
 *
 * Trees are read as tree.h has it: what was found is right if tree_intact says so behind it.
 */
#ifndef STORE_TREE_DIFF_H
#define STORE_TREE_DIFF_H

#include "store/base/cancel.h"
#include "store/tree/tree.h"

/* What differs. ADDED and REMOVED stand alone; TYPE has nothing beside it but what all files have. */
enum tree_difference {
	TREE_ADDED = 1 << 0,   /* only the second tree has it */
	TREE_REMOVED = 1 << 1, /* only the first one */
	TREE_TYPE = 1 << 2,
	TREE_CONTENT = 1 << 3, /* of a regular file */
	TREE_LINK = 1 << 4,    /* where a symlink leads to */
	TREE_DEVICE = 1 << 5,  /* its numbers */
	TREE_MODE = 1 << 6,
	TREE_OWNER = 1 << 7, /* or group */
	TREE_XATTRS = 1 << 8,
	TREE_TIMES = 1 << 9, /* of change (mtime); where they are asked for */
};

struct tree_change {
	const char *path; /* from the root, with a slash in front; NUL-terminated, any other byte */
	unsigned what;	  /* of enum tree_difference */
	uint32_t a, b;	  /* nodes; TREE_NONE: it has none */
	struct stat a_stat, b_stat; /* where there is a node */
};

struct tree_diff {
	const struct tree *a, *b;
	bool times;	       /* they count */
	struct cancel *cancel; /* or NULL */
	void *arg;
	/* Two regular files of the same size: 1 where they hold the same, 0, or -errno, which ends it. */
	int (*same)(void *arg, uint32_t a, uint32_t b, uint64_t size, struct err *err);
	/* Each change, a directory before what is in it. Not 0: it ends there, with that. */
	int (*found)(void *arg, const struct tree_change *c, struct err *err);
};

/* All changes, or up to the first that ends it. -EBADMSG, -EIO: a tree is damaged. */
int tree_diff(const struct tree_diff *d, struct err *err);

#endif
