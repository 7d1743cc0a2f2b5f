/* SPDX-License-Identifier: MIT */
/*
 * Attaches a manifest to the image that it refers to, at a registry (distribution specification 1.1,
 * "Pushing Manifests with Subject"). Blocks; thread safe.
 */
#ifndef REGISTRY_PUSH_REFERRER_H
#define REGISTRY_PUSH_REFERRER_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

/* `body` is the manifest. The registry has its blobs, and its subject is `image`. `d` is its descriptor,
 * with its artifact_type. Where the registry keeps no list of referrers, the manifest is added to the
 * list under the specification's tag; of two that are added at the same time, one may be lost. */
int push_referrer(const struct transfer *t, const struct ref *repository,
		  const struct digest *image, const struct descriptor *d, const struct buf *body,
		  struct err *err);

#endif
