/* SPDX-License-Identifier: MIT */
/*
 * The SOCI index of an image (store/lazy/soci.h), and by it the zTOCs of its layers, so that these can be
 * read before their blobs are here. Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_SOCI_H
#define REGISTRY_PULL_SOCI_H

#include "registry/transfer/pull.h"
#include "store/images/image.h"
#include "store/lazy/soci.h"

/* Gives the index that the image's manifest names; or, where the store trusts referrers, the first that
 * refers to the image. t->lazy must be set. *out is NULL where there is none, or all layers can be shown
 * without one. t->lazy is told of an index that is bad or missing. */
int pull_soci(const struct transfer *t, const struct ref *repository, const struct image *image,
	      struct soci **out, struct err *err);

/* Makes the layer's index in the store from a zTOC, which t->lazy->soci has for the layer. -EOPNOTSUPP,
 * -EBADMSG: the layer cannot be read by it (lazy.h). */
int pull_ztoc(const struct transfer *t, const struct ref *repository,
	      const struct descriptor *layer, const struct descriptor *ztoc,
	      const struct digest *diff_id, struct err *err);

#endif
