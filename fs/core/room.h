/* SPDX-License-Identifier: MIT */
/*
 * Room for open files. The layers and the tree of each view that the kernel knows are open, some
 * files each, also when nobody uses it: the kernel forgets what it has looked up when memory runs
 * short, and knows nothing of files. So it is told to forget before no more may be open. A
 * process that holds a file or stands in a directory keeps it.
 */
#ifndef FS_ROOM_H
#define FS_ROOM_H

#include "fs/core/vnode.h"

/* After something was opened: makes room where it becomes scarce, in the background. */
void room_watch(struct fs *fs);

/* For a call that found no descriptor free (its error, -EMFILE, is in err): FS_WAIT, to be run
 * again when there is room; or the error, where it has waited for that a few times. Not for a call
 * that looks up something in the directory of an image: the kernel has locked that, and forgets
 * nothing in it until the call has ended. */
int room_make(struct request *rq, struct err *err);

#endif
