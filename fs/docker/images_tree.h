/* SPDX-License-Identifier: MIT */
/*
 * What `docker images --tree` prints: for each image what its names name (an index, or a manifest), and
 * below it the manifest of each platform. DISK USAGE is what of its blobs is here, CONTENT SIZE what
 * they have together; those of a platform that is not here are not known, and 0B. Docker 29 prints
 * the same without the platforms where no option is given.
 */
#ifndef FS_IMAGES_TREE_H
#define FS_IMAGES_TREE_H

#include "store/base/buf.h"
#include "store/disk/store.h"
#include "store/oci/oci.h"

/* An image by one of its names, "repository:tag". NULL: it has none. */
struct images_tree_row {
	const char *name;
	const struct descriptor *top;
};

/* Appends the images in the order of the rows; rows of one digest are one image. */
int images_tree(struct store *s, const struct images_tree_row *rows, size_t count,
		bool with_platforms, struct buf *out, struct err *err);

#endif
