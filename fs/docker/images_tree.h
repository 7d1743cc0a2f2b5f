/* SPDX-License-Identifier: MIT */
/*
 * What `docker images --tree` prints: for each image what its names name (an index, or a manifest), and
 * below it the manifest of each platform, also of an index in the index. DISK USAGE is what of its blobs
 * is here, CONTENT SIZE what they have together; those of a platform that is not here are not known,
 * and 0B. Where no option is given docker 29 prints a line for each name instead, with the same columns.
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

/* Appends the images in the order of the rows; rows of one digest are one image. images_list: each row
 * with a name is a line. */
int images_tree(struct store *s, const struct images_tree_row *rows, size_t count, struct buf *out,
		struct err *err);
int images_list(struct store *s, const struct images_tree_row *rows, size_t count, struct buf *out,
		struct err *err);

#endif
