/* SPDX-License-Identifier: MIT */
/*
 * What `docker save` of any age means: manifest.json names for each image its config, its layers
 * and its tags, by paths that are followed as they stand (docker: image.v1.2 specification). Plans
 * what is to be made of it.
 */
#ifndef STORE_ARCHIVE_DOCKER_H
#define STORE_ARCHIVE_DOCKER_H

#include "store/archive/archive_members.h"
#include "store/archive/archive_plan.h"

/* `only`: images of that platform, or NULL. -EBADMSG, -EPROTO: anything in it is wrong, -ENOENT:
 * missing; -EINVAL: a tag. */
int archive_docker_plan(struct archive_plan *p, const struct archive_members *m,
			const struct platform *only, struct err *err);

struct archive_layer {
	struct digest digest;
	uint64_t size;
	enum compression compression;
};

/* Makes the manifest of an image that has none, bottom layer first; sets *out, which the caller
 * clears. */
int archive_docker_manifest(struct archive_plan *p, const struct digest *config, uint64_t size,
			    const struct archive_layer *layers, size_t count,
			    struct descriptor *out, struct err *err);

#endif
