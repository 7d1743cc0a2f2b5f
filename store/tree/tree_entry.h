/* SPDX-License-Identifier: MIT */
/*
 * Puts one entry of an archive into the tree of its layer: files, directories, links, and
 * whiteouts, which become marks on names and directories. Not thread safe.
 */
#ifndef STORE_TREE_ENTRY_H
#define STORE_TREE_ENTRY_H

#include "store/tree/tree_upper.h"

/* An entry that cannot be shown is left out and counted in u->dropped: a path too long or too deep, or
 * behind a loop of symlinks, a whiteout of nothing, a hard link to nothing or to a directory. -EBADMSG:
 * a root that is no directory, an unknown type, a path that symlinks make too long, or too many names. */
int tree_entry_add(struct tree_upper *u, const struct entry *e, struct err *err);

#endif
