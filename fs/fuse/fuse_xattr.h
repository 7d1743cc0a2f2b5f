/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: those of the layers, and two of ours, which answer on every path of a root
 * filesystem. These two are never listed, so that tools that copy attributes do not see them:
 *
 *	user.imagefs.layer        "INDEX DIGEST" of the layer that brought the file
 *	user.imagefs.created_by   the history line of that layer
 */
#ifndef FS_FUSE_XATTR_H
#define FS_FUSE_XATTR_H

#include "fs/fuse/fuse_call.h"

/* As struct call's run. */
int fuse_xattr_get(struct call *c, struct request *rq, struct err *err);
int fuse_xattr_list(struct call *c, struct request *rq, struct err *err);

#endif
