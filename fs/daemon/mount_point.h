/* SPDX-License-Identifier: MIT */
/*
 * Where the mount goes: a path that is resolved once, before there is a mount. Whoever resolves it
 * later may come into the mount, and wait for its own answer for ever: libfuse does, behind
 * mount(2), where the path ends in "." or "..".
 */
#ifndef FS_MOUNT_POINT_H
#define FS_MOUNT_POINT_H

#include "store/base/err.h"

/* The canonical path of an absolute one: no links, no ".", no "..", no slash at the end. The caller
 * frees it. The last directory may be a mount whose server has died: it is not entered. Errors are
 * those of realpath(3). */
int mount_point_resolve(const char *path, char **out, struct err *err);

/* The part of `path` below the mount point, without a slash in front: "" for the mount point itself,
 * NULL for a path that is not below it. It points into `path`. */
const char *mount_point_below(const char *mount_point, const char *path);

#endif
