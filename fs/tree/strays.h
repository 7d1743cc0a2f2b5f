/* SPDX-License-Identifier: MIT */
/*
 * Places that the store knows nothing of: whoever looks up images/x/y leaves images/x behind, for as
 * long as the kernel remembers it, and names are without end. Their number has a bound: then the
 * kernel is made to forget them, but those that somebody holds. It asks again for who comes again.
 * Thread safe.
 */
#ifndef FS_STRAYS_H
#define FS_STRAYS_H

#include "fs/core/fs.h"

/* One has come into the table of inodes, or has left it. */
void strays_came(struct fs *fs);
void strays_went(struct fs *fs);

#endif
