/* SPDX-License-Identifier: MIT */
/*
 * Where the mount goes: a path that is resolved once, before there is a mount. Whoever resolves it
 * later may come into the mount, and wait for its own answer for ever: libfuse does, behind
 * mount(2), where the path ends in "." or "..".
 */
#ifndef FS_MOUNT_POINT_H
#define FS_MOUNT_POINT_H

#include "store/base/err.h"

/* The canonical path of an absolute one: no links, no ".", no "..", no slash at the end; the caller
 * frees it. The last directory may be a mount whose server has died (it is not entered). -ENOENT,
 * -EACCES, -ENOTDIR, ... */
int mount_point_resolve(const char *path, char **out, struct err *err);

/* Of a path that is the mount point or lies below it: what stands behind it, without a slash in
 * front. NULL for any other. */
const char *mount_point_below(const char *mount_point, const char *path);

#endif
