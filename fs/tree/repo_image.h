/* SPDX-License-Identifier: MIT */
/*
 * An image as a repository of the mount shows it, under the digest that names it: the
 * index, where the digest names one, and the image (store/images/image.h) of the mount's
 * platform. The documents come from the store; fetch_image (fs/tree/fetch.h) brings what
 * the store lacks. Counted. What has been set never changes. Thread safe.
 */
#ifndef FS_REPO_IMAGE_H
#define FS_REPO_IMAGE_H

#include "fs/core/fs.h"
#include "store/oci/ref.h"
#include "store/images/image.h"

#include <time.h>

struct repo_image;

/* Opens what the store has of it; *out is a reference. -ENOENT: the store has nothing of that digest. */
int repo_image_open(struct fs *fs, const struct ref *repository, const struct digest *digest,
		    struct repo_image **out, struct err *err);
struct repo_image *repo_image_get(struct repo_image *i); /* one more reference */
void repo_image_put(struct repo_image *i);		 /* NULL is allowed */
DEFINE_AUTO(struct repo_image, repo_image_put)

/* Reads manifest and config from the store, if that was not done yet: 0 when they are there,
 * -ENOENT where the store lacks one of them or the index has nothing for the platform. */
int repo_image_load(struct fs *fs, struct repo_image *i, struct err *err);

/* The repository, with the digest that names the image; and the descriptor of what that names. */
const struct ref *repo_image_ref(const struct repo_image *i);
const struct descriptor *repo_image_top(const struct repo_image *i);
const struct index *repo_image_index(
    const struct repo_image *i); /* NULL: the digest names a manifest */

/* NULL before repo_image_load has given 0. */
const struct image *repo_image_image(const struct repo_image *i);

/* When the image was made: its config says it, of an artifact its annotations. {0,0} where not
 * known. */
struct timespec repo_image_created(const struct repo_image *i);

#endif
