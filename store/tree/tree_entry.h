/* SPDX-License-Identifier: MIT */
/*
 * One entry of an archive put into the tree of its layer: files, directories, links, and the
 * whiteouts, which become marks on names and directories. Not thread safe.
 */
#ifndef STORE_TREE_ENTRY_H
#define STORE_TREE_ENTRY_H

#include "store/tree/tree_upper.h"

/* -EBADMSG: a name that leaves the root, a root that is no directory, a symlink loop, a whiteout
 * of nothing, a hard link to a directory. */
int tree_entry_add(struct tree_upper *u, const struct entry *e, struct err *err);

#endif
