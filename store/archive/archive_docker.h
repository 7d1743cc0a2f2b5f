/* SPDX-License-Identifier: MIT */
/*
 * Plans the images of an archive of `docker save` of any age. Its manifest.json names the config, the
 * layers and the tags of each image, by paths that are followed as they stand (docker: image.v1.2
 * specification).
 */
#ifndef STORE_ARCHIVE_DOCKER_H
#define STORE_ARCHIVE_DOCKER_H

#include "store/archive/archive_members.h"
#include "store/archive/archive_plan.h"

/* `only`: only images of that platform; NULL: all. -EBADMSG, -EPROTO: something in the archive is wrong;
 * -ENOENT: something is missing; -EINVAL: a tag is malformed. */
int archive_docker_plan(struct archive_plan *p, const struct archive_members *m,
			const struct platform *only, struct err *err);

struct archive_layer {
	struct digest digest;
	uint64_t size;
	enum compression compression;
};

/* Makes the manifest of an image that has none. `size`: that of the config; layers: bottom first. Sets
 * *out, which the caller clears. */
int archive_docker_manifest(struct archive_plan *p, const struct digest *config, uint64_t size,
			    const struct archive_layer *layers, size_t count,
			    struct descriptor *out, struct err *err);

#endif
