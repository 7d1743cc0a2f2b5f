/* SPDX-License-Identifier: MIT */
/*
 * Pushing: an image of the store to its registry, by the name that it has there. Blobs first, side
 * by side; then the manifests, those of an index before the index; so the tag names nothing that is
 * not there. What an index has on platforms that are not here is fetched, from where the image came.
 * Blocks; thread safe.
 */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

/* `top` is what the reference names; where `one_platform`, of an index the manifest alone that
 * serves the wish is pushed. -ENOENT where content is missing and cannot be had; -EACCES in docker's
 * words; -EBADMSG where a blob has rotted. */
int push_image(const struct transfer *t, const struct ref *ref, const struct descriptor *top,
	       bool one_platform, struct err *err);

#endif
