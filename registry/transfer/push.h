/* SPDX-License-Identifier: MIT */
/*
 * Pushing: an image of the store to its registry, by the name that it has there. Blobs go first, side
 * by side; then the manifests, those of an index before the index. So the tag names nothing that is
 * not there. Platforms of an index that are not here are fetched from where the image came. Blocks;
 * thread safe.
 */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

/* `top` is what the reference names. `one_platform`: of an index only the manifest is pushed that serves
 * the wish. -ENOENT where content is missing and cannot be fetched; -EACCES in docker's words; -EBADMSG
 * where a blob has rotted. */
int push_image(const struct transfer *t, const struct ref *ref, const struct descriptor *top,
	       bool one_platform, struct err *err);

#endif
