/* SPDX-License-Identifier: MIT */
/*
 * Where the tables of contents of eStargz layers lie that do not bring them (stargz-snapshotter
 * docs/estargz.md, "eStargz image with an external TOC"): in an image of the same repository, whose
 * tag is that of theirs with "-esgztoc" behind it. It is asked for when the first layer of an image
 * says that it needs it, and once. Nothing of it is believed but where the tables lie: the manifest
 * of the image that they are for has their digests. Thread safe.
 */
#ifndef REGISTRY_TOC_IMAGE_H
#define REGISTRY_TOC_IMAGE_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

struct toc_image;
/* For the image that the reference has the digest of. Its tags are those that the store knows it by
 * when it is asked for. */
int toc_image_open(const struct ref *image, struct toc_image **out, struct err *err);
void toc_image_close(struct toc_image *x); /* NULL is allowed */
DEFINE_AUTO(struct toc_image, toc_image_close)

/* The table of a layer, borrowed until close. -EOPNOTSUPP: no tag leads to one. Blocks. */
int toc_image_find(struct toc_image *x, const struct transfer *t, const struct digest *layer,
		   const struct descriptor **out, struct err *err);

#endif
