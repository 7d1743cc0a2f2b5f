/* SPDX-License-Identifier: MIT */
/*
 * The differences of two trees, by path. Both are walked side by side, each directory in the order
 * of its names, so that it takes the memory of one path, however large they are. Reads no content:
 * the caller says whether two files hold the same. Borrows all; for one thread.
 *
 * As with all reads of a tree, the result is right if tree_intact is true for both afterwards.
 */
#ifndef STORE_TREE_DIFF_H
#define STORE_TREE_DIFF_H

#include "store/base/cancel.h"
#include "store/tree/tree.h"

/* ADDED and REMOVED stand alone. Beside TYPE only MODE, OWNER, XATTRS and TIMES may stand. */
enum tree_difference {
	TREE_ADDED = 1 << 0,   /* only the second tree has it */
	TREE_REMOVED = 1 << 1, /* only the first tree has it */
	TREE_TYPE = 1 << 2,
	TREE_CONTENT = 1 << 3, /* of a regular file */
	TREE_LINK = 1 << 4,    /* the target of a symlink */
	TREE_DEVICE = 1 << 5,  /* the numbers of a device */
	TREE_MODE = 1 << 6,
	TREE_OWNER = 1 << 7, /* or group */
	TREE_XATTRS = 1 << 8,
	TREE_TIMES = 1 << 9, /* mtime; only with tree_diff.times */
};

struct tree_change {
	const char *path; /* from the root, with a slash in front; may have any byte but a NUL */
	unsigned what;	  /* a set of enum tree_difference */
	uint32_t a, b;	  /* the nodes; TREE_NONE: that tree has none */
	struct stat a_stat, b_stat; /* of the nodes that are there */
};

struct tree_diff {
	const struct tree *a, *b;
	bool times;	       /* TREE_TIMES counts */
	struct cancel *cancel; /* or NULL */
	void *arg;
	/* Compares two regular files of the same size: 1: they hold the same; 0: they do not; -errno ends
	 * the walk. */
	int (*same)(void *arg, uint32_t a, uint32_t b, uint64_t size, struct err *err);
	/* Told of each change, of a directory before its entries. Not 0 ends the walk with that. */
	int (*found)(void *arg, const struct tree_change *c, struct err *err);
};

/* Walks both trees. -EBADMSG, -EIO: a tree is damaged; or the result that ended the walk. */
int tree_diff(const struct tree_diff *d, struct err *err);

#endif
