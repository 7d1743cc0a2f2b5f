/* SPDX-License-Identifier: MIT */
/*
 * Strays are places that the store knows nothing of. A lookup of images/x/y leaves images/x behind as
 * long as the kernel remembers it, and there is no end of names. So their number has a bound: beyond
 * it the kernel is made to forget all strays that no process holds. A later lookup makes them anew.
 * Thread safe.
 */
#ifndef FS_STRAYS_H
#define FS_STRAYS_H

#include "fs/core/fs.h"

/* A stray has come into the table of inodes, or has left it. */
void strays_came(struct fs *fs);
void strays_went(struct fs *fs);

#endif
