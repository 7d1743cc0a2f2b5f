/* SPDX-License-Identifier: MIT */
/*
 * Pushing: an image of the store to its registry, by the name that it has there. Blobs first, side
 * by side; then the manifests, those of an index before the index; so the tag names nothing that is
 * not there. Blocks; thread safe.
 */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include "registry/transfer/pull.h"

struct push {
	/* Where from and where to; the wish, the cancel, who watches (docker's plain lines, and
	 * bytes of blobs) and the lease are those of pulls: what an index has on platforms that are
	 * not here is fetched, from where the image came. */
	struct pull pull;
	bool one_platform; /* of an index push the manifest alone that serves the wish */
};

/* `top` is what the reference names. -ENOENT where content is missing and cannot be had; -EACCES in
 * docker's words; -EBADMSG where a blob has rotted. */
int push_image(const struct push *p, const struct ref *ref, const struct descriptor *top,
	       struct err *err);

#endif
