/* SPDX-License-Identifier: MIT */
/*
 * What `docker images` prints of a store, in the classic layout: a row for every name, newest
 * image first. IMAGE ID is the digest of the config, DIGEST that of what the name names, SIZE that of
 * store/images/image.h. A dangling image has the name <none>. Where documents of an image are missing,
 * it has N/A. Artifacts are not shown. -a is taken and changes nothing: no image is hidden.
 */
#ifndef FS_IMAGES_TABLE_H
#define FS_IMAGES_TABLE_H

#include "fs/docker/args.h"
#include "store/base/buf.h"
#include "store/oci/platform.h"
#include "store/disk/store.h"

#include <stdint.h>

/* Appends the table that these arguments of `docker images` ask for: [-a] [-q] [--digests]
 * [--no-trunc] [--filter KEY=VALUE]… [--format FORMAT] [--tree | --view 29] [PATTERN]. Times are seen
 * from `now`, in seconds since 1970. -EINVAL in docker's words. --tree and --view 29 print what
 * images_tree.h says, with the platforms and without. */
int images_table(struct store *s, const struct platform *wish, const struct words *arguments,
		 int64_t now, struct buf *out, struct err *err);

#endif
