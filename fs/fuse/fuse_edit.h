/* SPDX-License-Identifier: MIT */
/*
 * The operations that change directories: unlink, rmdir, symlink, rename. In a directory that has
 * none of them (struct vnode_ops) they are -EROFS.
 */
#ifndef FS_FUSE_EDIT_H
#define FS_FUSE_EDIT_H

#include <fuse_lowlevel.h>

void fuse_edit_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void fuse_edit_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void fuse_edit_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void fuse_edit_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
		      const char *new_name, unsigned flags);

#endif
