/* SPDX-License-Identifier: MIT */
/* The operations of the mount, each thin: decode, call, one reply on every path. */
#ifndef FS_FUSE_OPS_H
#define FS_FUSE_OPS_H

#include <fuse_lowlevel.h>

/* The userdata of the session is a struct fs. */
extern const struct fuse_lowlevel_ops fuse_ops;

#endif
