/* SPDX-License-Identifier: MIT */
/*
 * Is an image in use? There is no OPEN that tells (fs/fuse/fuse_ops.c). So the kernel is made to
 * forget all that it merely remembers of the image's directory: what it still holds then belongs to an
 * open file or a working directory. It reports later what it forgot, so this waits while numbers fall.
 * Blocks; never called by a FUSE worker, nor with a lock held.
 */
#ifndef FS_IN_USE_H
#define FS_IN_USE_H

#include "fs/core/fs.h"
#include "store/base/digest.h"

/*
 * 1 where a process has a file of the image open, or its working directory there, below images/ (in any
 * repository that has it) or sha256/; 0 where not; -errno where that cannot be known. `locked`: the
 * caller runs within an unlink(2) or rmdir(2), for which the kernel locks the repository's directory or
 * the image's; then only what is in root filesystems is seen.
 */
int in_use(struct fs *fs, const struct digest *image, bool locked, struct err *err);

/* Sets fs->forget_open. From now on the kernel is made to forget the directories of removed images,
 * whoever removes them, so that what they hold open is closed. */
void in_use_watch(struct fs *fs);

#endif
