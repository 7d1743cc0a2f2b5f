/* SPDX-License-Identifier: MIT */
/* The file `status` of an image: how much of each layer is here. */
#ifndef FS_IMAGE_STATUS_H
#define FS_IMAGE_STATUS_H

#include "store/base/buf.h"
#include "store/disk/store.h"
#include "store/images/image.h"

/* Appends a table: a line for each layer (whole, read by its table of contents, or not here), and
 * one for all of them. Bytes are those of the blobs. It fetches nothing. */
int image_status(struct store *s, const struct image *i, struct buf *out, struct err *err);

#endif
