/* SPDX-License-Identifier: MIT */
/*
 * Room for open files. Each view that the kernel knows has its layers and its tree open, some files
 * each, and each blob that was read is open, also when nobody uses it. The kernel forgets what it has
 * looked up when memory runs short, but knows nothing of our descriptors. So it is told to forget
 * before they run out. A view stays while a process has a file in it open, or its working directory
 * there, and a blob while it is open.
 */
#ifndef FS_ROOM_H
#define FS_ROOM_H

#include "fs/core/vnode.h"

/* An inode has opened files that it keeps: they may be closed for others from now on. Where descriptors
 * become scarce, makes room in the background. */
void room_watch(struct fs *fs, struct inode *i);

/* For a call that found no descriptor free (its error, -EMFILE, is in err). FS_WAIT: run it again when
 * there is room. Else the error: -EMFILE when the call has waited three times (rq->rooms). In the directory
 * that the kernel has locked for the call nothing is forgotten meanwhile (dir_locks.h). */
int room_make(struct request *rq, struct err *err);

#endif
