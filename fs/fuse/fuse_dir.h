/* SPDX-License-Identifier: MIT */
/*
 * Replies that carry entries: LOOKUP, READDIR and READDIRPLUS. Entries of a merged tree bring their
 * inodes along; those of other directories do not, so that a listing never looks anything up.
 */
#ifndef FS_FUSE_DIR_H
#define FS_FUSE_DIR_H

#include "fs/fuse/fuse_call.h"
#include "fs/tree/view.h"

/* The attributes of an inode number, and for how many seconds the kernel may keep them. 0, FS_WAIT, or
 * -errno; -ESTALE: the number is not known. */
int fuse_dir_stat(struct request *rq, fuse_ino_t ino, struct stat *st, double *timeout,
		  struct err *err);

/* As struct call's run. */
int fuse_dir_lookup(struct call *c, struct request *rq, struct err *err);
int fuse_dir_read(struct call *c, struct request *rq, struct err *err);

#endif
