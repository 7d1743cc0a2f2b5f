/* SPDX-License-Identifier: MIT */
/* The file `status` of an image: how much of each layer is here. */
#ifndef FS_IMAGE_STATUS_H
#define FS_IMAGE_STATUS_H

#include "fs/core/fs.h"
#include "store/base/buf.h"
#include "store/images/image.h"

/* Appends a table: a line for each layer (whole, read by its table of contents, or not here), and
 * one for all of them; and how many entries of the layers fell out of rootfs/, once that is made. Its
 * columns count bytes of blobs: here, in all, on their way for readers. It fetches nothing. */
int image_status(struct fs *fs, const struct image *i, struct buf *out, struct err *err);

#endif
