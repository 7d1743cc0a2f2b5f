/* SPDX-License-Identifier: MIT */
/*
 * Inode numbers. The upper 32 bits are a slot: slot 0 holds the vnodes, numbered by
 * the lower 32 bits; every other slot is a view (a merged tree), and the lower bits
 * are the node's number in its tree. So a million files of an image cost no memory
 * here: the kernel's lookups are added up per view, and a number leads straight to
 * the tree's record.
 *
 *	1                      the root
 *	0 << 32 | n            vnode n
 *	slot << 32 | node      node of a view
 *
 * The table owns vnodes and views; one that the kernel has forgotten (its count of lookups is 0) is
 *freed. As the kernel forgets nothing that a request is under way for, a request may use what its
 *number leads to without a reference. Those with a path are shared: one path, one number, as long
 *as the kernel knows it. Thread safe.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include "store/err.h"

#include <stdint.h>

#define INODE_ROOT 1

struct inodes;
struct view;
struct vnode;

int inodes_open(struct inodes **out, struct err *err);
void inodes_close(struct inodes *t); /* frees all that is left */

struct vnode *inode_vnode(struct inodes *t,
			  uint64_t ino); /* NULL: not a vnode's number, or stale */
struct view *inode_view(struct inodes *t, uint64_t ino, uint32_t *node); /* likewise */

/* The shared one of that path with one more lookup counted, or NULL. */
struct vnode *inodes_find(struct inodes *t, const char *path);
struct view *inodes_find_view(struct inodes *t, const char *path);

/* Puts one into the table, which takes it, and counts a lookup; where the path is there already,
 * that one is given and the new one freed. NULL: out of memory (freed too). */
struct vnode *inodes_add(struct inodes *t, struct vnode *v);
struct view *inodes_add_view(struct inodes *t, struct view *w);

void inodes_count_lookups(struct inodes *t, uint64_t ino, uint64_t n);
void inodes_forget(struct inodes *t, uint64_t ino, uint64_t n);

struct inodes_counts {
	uint64_t vnodes, views, lookups;
};
void inodes_count(struct inodes *t, struct inodes_counts *out);

#endif
