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

/* t->lazy is set. The index that the image's manifest names; or, where the store trusts referrers, the
 * first that refers to it. *out is NULL where there is none, or all layers can be shown without one. Of one
 * that is no good, or not there, t->lazy is told. */
int pull_soci(const struct transfer *t, const struct ref *repository, const struct image *image,
	      struct soci **out, struct err *err);

/* t->lazy->soci has this zTOC for the layer: the store has the layer's index by it. -EOPNOTSUPP,
 * -EBADMSG: the layer cannot be read by it (lazy.h). */
int pull_ztoc(const struct transfer *t, const struct ref *repository,
	      const struct descriptor *layer, const struct descriptor *ztoc,
	      const struct digest *diff_id, struct err *err);

#endif
