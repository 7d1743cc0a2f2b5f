/* SPDX-License-Identifier: MIT */
/*
 * Pulling: from a reference to an image in the store. Each step fetches only what the store lacks,
 * verifies it, and records it; a step that fails or is cancelled leaves whole blobs and resumable
 * parts. Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_H
#define REGISTRY_PULL_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

/*
 * Fetches manifest, or index and the platform's manifest, and the config; records the name (a tag
 * is moved to what the registry says now). An index without anything for the platform is recorded
 * all the same. *top is what the reference names (index or manifest); the caller clears it. Fetches
 * no layer.
 */
int pull_manifest(const struct transfer *t, const struct ref *ref, struct descriptor *top,
		  struct err *err);

/* One layer: blob and derived index, each where missing. diff_id may be NULL. */
int pull_layer(const struct transfer *t, const struct ref *repository,
	       const struct descriptor *layer, const struct digest *diff_id, struct err *err);

/* All layers of a manifest, side by side, the largest first, and their merged tree where `merged`;
 * prints the layers' lines to the watch. */
int pull_layers(const struct transfer *t, const struct ref *repository, const struct manifest *m,
		const struct config *c, bool merged, struct err *err);

/* `docker pull`: manifest, layers, tree, and docker's lines from "7: Pulling from …" to the full
 * reference. */
int pull_image(const struct transfer *t, const struct ref *ref, struct err *err);

/* `docker pull -a`: every tag of the repository, in the registry's order, up to the first that
 * fails. */
int pull_all_tags(const struct transfer *t, const struct ref *repository, struct err *err);

#endif
