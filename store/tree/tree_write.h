/* SPDX-License-Identifier: MIT */
/*
 * Writes a tree that was built in memory as the file of store/tree/tree_format.h. Numbers the nodes
 * that can be reached from the root, counts their links, and leaves out all else. Takes about 20
 * bytes of memory a file, on top of the tree's.
 */
#ifndef STORE_TREE_WRITE_H
#define STORE_TREE_WRITE_H

#include "store/tree/tree_build.h"

/* Writes into the empty file fd, at its start. The tree's counters are overwritten. */
int tree_write(struct tree_build *b, uint32_t root, enum tree_kind kind, uint32_t dropped, int fd,
	       struct err *err);

#endif
