/* SPDX-License-Identifier: MIT */
/*
 * An image of a repository, by the digest that names it: the index, where the digest
 * names one, and the manifest and config of the mount's platform. The documents come from the store; what
 * the store lacks is fetched by image_ready. Counted; its documents are set once and
 * then constant. Thread safe.
 */
#ifndef FS_IMAGE_H
#define FS_IMAGE_H

#include "fs/vnode.h"
#include "registry/ref.h"
#include "store/oci.h"

#include <time.h>

struct image;

/* What the store has of it. -ENOENT where it has nothing under that digest. */
int image_open(struct fs *fs, const struct ref *repository, const struct digest *digest,
               struct image **out, struct err *err);
struct image *image_get(struct image *i); /* one more reference */
void image_put(struct image *i);          /* NULL is allowed */
DEFINE_AUTO(struct image, image_put)

/* 0 when manifest and config are there; else FS_WAIT while they are fetched, or an error: -ENOENT where the index
 * has nothing for the platform. */
int image_ready(struct request *rq, struct image *i, struct err *err);

const struct ref *image_repository(const struct image *i); /* no tag; the digest is the image's */
const struct digest *image_digest(const struct image *i);
const struct index *image_index(const struct image *i); /* NULL: the digest names a manifest */

/* After image_ready. */
const struct descriptor *image_manifest_descriptor(const struct image *i);
const struct manifest *image_manifest(const struct image *i);
const struct config *image_config(const struct image *i);

/* When the image was made, by its config ({0,0} where not known). */
struct timespec image_created(const struct image *i);

#endif
