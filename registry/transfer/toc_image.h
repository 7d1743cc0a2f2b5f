/* SPDX-License-Identifier: MIT */
/*
 * The image that has the tables of contents of another image's eStargz layers (stargz-snapshotter
 * docs/estargz.md, "eStargz image with an external TOC"). It lies in the same repository; its tag is
 * the other image's with "-esgztoc" behind it. It is asked for once, when the first layer of the other
 * image needs it. Only the places of the tables are taken from it: their digests are in the other
 * image's manifest. Thread safe.
 */
#ifndef REGISTRY_TOC_IMAGE_H
#define REGISTRY_TOC_IMAGE_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

struct toc_image;
/* `image` has the digest of the other image. The tags that are tried are those that the store knows that
 * image by when the tables are asked for. */
int toc_image_open(const struct ref *image, struct toc_image **out, struct err *err);
void toc_image_close(struct toc_image *x); /* NULL is allowed */
DEFINE_AUTO(struct toc_image, toc_image_close)

/* The table of a layer, borrowed until close. -EOPNOTSUPP: no tag leads to one. Blocks. */
int toc_image_find(struct toc_image *x, const struct transfer *t, const struct digest *layer,
		   const struct descriptor **out, struct err *err);

#endif
