/* SPDX-License-Identifier: MIT */
/*
 * The directory of an image by its digest: in a repository of images/, and in sha256/ at the top,
 * which has the images of all repositories under names without a colon (sha256/HEX).
 */
#ifndef FS_BY_DIGEST_H
#define FS_BY_DIGEST_H

#include "fs/core/vnode.h"
#include "fs/tree/catalog.h"

/* images/PLACE/DIGEST. What the store does not have is fetched: 0, FS_WAIT or -errno. */
int by_digest_lookup(struct request *rq, const struct catalog *c, const char *place,
		     const struct digest *digest, struct found *out, struct err *err);

/* sha256/HEX: the image of the first repository that has it. -ENOENT where none has. */
int by_digest_anywhere(struct request *rq, const struct catalog *c, const struct digest *digest,
		       struct found *out, struct err *err);

/* "sha256/HEX", "sha512/HEX" */
#define BY_DIGEST_PATH_MAX DIGEST_TEXT_MAX
const char *by_digest_path(const struct digest *digest, char path[static BY_DIGEST_PATH_MAX]);

#endif
