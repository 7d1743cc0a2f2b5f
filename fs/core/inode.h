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
 * The table owns vnodes and views. An inode that the kernel has forgotten (its count of lookups is
 * 0) and that no thread of ours holds is freed. The kernel forgets no inode while a request for it is
 * under way. But the kernel sees the answer as the request's end, while our thread may still use the
 * inode: so each call holds its inode (fs/fuse/fuse_call.c), as does all work behind an answer.
 * Inodes are shared, but for those of which each lookup makes its own: one path, one number, as long as they
 * are in the table. Thread safe.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include "store/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define INODE_ROOT	1
#define INODE_VIEW_ROOT 0 /* the lower half of the number of a view's root */

struct inodes;

enum inode_table { INODE_VNODE, INODE_VIEW };

/* What vnodes and views begin with. */
struct inode {
	char *path;		       /* owned: canonical, below the mount point */
	bool own;		       /* every lookup of its path makes one: it is not shared */
	void (*free)(struct inode *i); /* frees all of it, the path too */
	atomic_bool keeps_open;	       /* it has had files open, and may have them yet (room.h) */
	/* The table's, from here on: */
	enum inode_table which;
	uint32_t number; /* in its table */
	uint32_t holds;	 /* of our own threads */
	uint64_t lookups;
	uint64_t root_lookups; /* of a view: the lookups of its root */
};

int inodes_open(struct inodes **out, struct err *err);
void inodes_close(struct inodes *t); /* frees all that is left */

/* The inode of a number; NULL where that is not of this table, or stale. */
struct inode *inodes_get(struct inodes *t, enum inode_table which, uint64_t ino);

/* The shared inode of that path with one more lookup counted, or NULL. */
struct inode *inodes_find(struct inodes *t, enum inode_table which, const char *path);

/* Puts an inode into the table, which takes it, and counts a lookup. Where the table has the path
 * already, it gives that inode and frees the new one. NULL: out of memory; the new one is freed. */
struct inode *inodes_add(struct inodes *t, enum inode_table which, struct inode *i);

/* The lookups that the kernel holds of inodes whose path is this one or below it: of all inodes, or
 * only of nodes of views that are not their roots. */
enum inodes_what { INODES_ALL, INODES_BELOW_ROOTS };
uint64_t inodes_held(struct inodes *t, const char *path, enum inodes_what what);

/* The number of the shared inode of that path (of a view, its root's); 0: there is none. */
uint64_t inodes_number(struct inodes *t, enum inode_table which, const char *path);

/* Calls each for the views whose path is this one or below it. No lock is held then, and the view
 * stays. For none where memory is out. */
void inodes_each_view(struct inodes *t, const char *path,
		      void (*each)(void *arg, struct inode *view), void *arg);

/* Calls each for the shared paths below this one. No lock is held then. For none where memory is out. */
void inodes_each_path(struct inodes *t, const char *path, void (*each)(void *arg, const char *path),
		      void *arg);

/* The same for those only that keep a file open, shared or not. */
void inodes_each_open_path(struct inodes *t, const char *path,
			   void (*each)(void *arg, const char *path), void *arg);

/* The kernel has, or has forgotten, n more lookups of a number. The root is never forgotten. */
void inodes_count_lookups(struct inodes *t, uint64_t ino, uint64_t n);
void inodes_forget(struct inodes *t, uint64_t ino, uint64_t n);

/* Keeps an inode for a thread of ours, whatever the kernel forgets meanwhile. A hold is no lookup: an
 * inode that is only held is not in use. NULL where the number is stale. */
struct inode *inodes_hold(struct inodes *t, uint64_t ino);
void inodes_let_go(struct inodes *t, struct inode *i); /* NULL is allowed */

struct inodes_counts {
	uint64_t vnodes, views, lookups;
};
void inodes_count(struct inodes *t, struct inodes_counts *out);

#endif
