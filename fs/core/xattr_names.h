/* SPDX-License-Identifier: MIT */
/*
 * The names of extended attributes that the opened images of this mount have. A program that asks
 * for another one is told that the filesystem has no such attributes (EOPNOTSUPP): ls(1) and its
 * like then ask no more, where they would ask for each file. Thread safe.
 */
#ifndef FS_XATTR_NAMES_H
#define FS_XATTR_NAMES_H

#include "store/base/err.h"

#include <stdbool.h>

struct xattr_names;

int xattr_names_open(struct xattr_names **out, struct err *err);
void xattr_names_close(struct xattr_names *n); /* NULL is allowed */

int xattr_names_add(struct xattr_names *n, const char *name, struct err *err);
bool xattr_names_has(struct xattr_names *n, const char *name);
/* Whether there is another name than security.capability: an ACL, a label, one of a user's own. */
bool xattr_names_beyond_capability(struct xattr_names *n);

#endif
