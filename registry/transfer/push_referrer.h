/* SPDX-License-Identifier: MIT */
/*
 * Attaches a manifest to the image that it refers to, at a registry (distribution specification 1.1, "Pushing Manifests
 * with Subject"). Blocks; thread safe.
 */
#ifndef REGISTRY_PUSH_REFERRER_H
#define REGISTRY_PUSH_REFERRER_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

/* `body` is the manifest, whose blobs the registry has, and whose subject is `image`; d: its descriptor, with its artifact_type. Where
 * the registry keeps no list of referrers, it is added to the one under the tag that the specification has for that. Two
 * that add to that at once may lose one of both. */
int push_referrer(const struct transfer *t, const struct ref *repository,
		  const struct digest *image, const struct descriptor *d, const struct buf *body,
		  struct err *err);

#endif
