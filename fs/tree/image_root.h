/* SPDX-License-Identifier: MIT */
/*
 * A mount of one image (-o image=REF): its root is the image's rootfs/. The kernel calls every root
 * 1, but a view has another number for its root. So numbers from the kernel, and those of directories
 * that it is told, are translated.
 */
#ifndef FS_IMAGE_ROOT_H
#define FS_IMAGE_ROOT_H

#include "fs/core/fs.h"
#include "fs/core/inode.h"

/* Finds the image in the store, or at its registry where the mount may ask one, and makes its root
 * the mount's. Called before there is a session. Blocks, at most FS_LOOKUP_LIMIT or so. */
int image_root_open(struct fs *fs, const char *reference, struct err *err);

/* Our number for one of the kernel's. */
static inline uint64_t image_root_ours(const struct fs *fs, uint64_t ino)
{
	return ino == INODE_ROOT && fs->image_root ? fs->image_root : ino;
}

/* The kernel's number for one of ours. */
static inline uint64_t image_root_kernels(const struct fs *fs, uint64_t ino)
{
	return fs->image_root && ino == fs->image_root ? INODE_ROOT : ino;
}

#endif
