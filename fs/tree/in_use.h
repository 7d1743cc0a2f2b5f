/* SPDX-License-Identifier: MIT */
/*
 * Is an image in use? No OPEN tells (fs/fuse/fuse_ops.c), so the kernel is made to forget all that
 * it merely remembers of the image's directory: what it still holds then belongs to an open file or
 * a working directory. What it forgets it says later, so this waits as long as the numbers fall.
 * Blocks; never called by a FUSE worker, nor with a lock held.
 */
#ifndef FS_IN_USE_H
#define FS_IN_USE_H

#include "fs/core/fs.h"
#include "store/base/digest.h"

/*
 * 1 where files of the image are open below images/, in any repository that has it; 0; -errno where
 * that cannot be known. `locked`:
 * the kernel waits for this within an unlink(2) or rmdir(2), which locks the repository's directory
 * or the image's; then only what is in root filesystems is seen.
 */
int in_use(struct fs *fs, const struct digest *image, bool locked, struct err *err);

/* From now on the kernel is made to forget the directories of images that are removed, whoever
 * does it, so that what they hold is let go of; and fs->forget_views is there. */
void in_use_watch(struct fs *fs);

#endif
