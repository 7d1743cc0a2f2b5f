/* SPDX-License-Identifier: MIT */
/*
 * An image of the store, read whole: what a name names (index or manifest), the manifest of one
 * platform, and its config. Owns copies of all; layers are looked at only where a size is asked
 * for. Read-only once open, thread safe then.
 */
#ifndef STORE_IMAGE_H
#define STORE_IMAGE_H

#include "store/base/mem.h"
#include "store/oci/oci.h"
#include "store/disk/store.h"
#include "store/layer/layer_name.h"

#define IMAGE_INDEX_DEPTH_MAX 4 /* indexes inside indexes */

struct image {
	struct descriptor top;	      /* what was asked for */
	struct descriptor descriptor; /* of the manifest: top, or an entry of the index */
	struct manifest *manifest;    /* owned */
	struct config *config;	      /* owned; of an artifact: an empty one */
	bool artifact;		      /* its blobs are no layers (store/images/artifact.h) */
};

enum image_choice {
	IMAGE_WISHED, /* the platform that serves the wish best, as a pull chooses it */
	IMAGE_LOCAL,  /* that one, or where the store lacks it the first that it holds */
};

/* From local blobs only: -ENOENT where one is missing or no platform fits (then the sentence says
 * which there are), -EPROTO, -EBADMSG and -EOPNOTSUPP for documents that are no good. A manifest
 * that is not in an index is taken whatever its platform. */
int image_open(struct store *s, const struct descriptor *top, const struct platform *wish,
	       enum image_choice choice, struct image **out, struct err *err);
void image_close(struct image *i);
DEFINE_AUTO(struct image, image_close)

/* The platform's manifest within an index whose blobs are local, through indexes in indexes: sets
 * *out to a copy that the caller clears. For a manifest, that itself. */
int image_resolve(struct store *s, const struct descriptor *top, const struct platform *wish,
		  enum image_choice choice, struct descriptor *out, struct err *err);

/*
 * Bytes of a layer: those of its uncompressed archive where the store has its index, else those of
 * the compressed blob, as the manifest says. The size of an image is the sum over its layers, so
 * that the tables of images and of history agree. *indexed (may be NULL): it is the size of the
 * archive, of all layers.
 */
uint64_t image_layer_size(struct store *s, const struct image *i, size_t layer, bool *indexed);
uint64_t image_size(struct store *s, const struct image *i, bool *indexed);

/* A layer of a manifest as it is read now: by a table only where the manifest vouches for it. */
struct layer_name image_layer_name(struct store *s, const struct manifest *m, size_t layer);

/* Layers [first, first + count) of a manifest as they are read now, bottom first: an array that the
 * caller frees, NULL where memory is out. */
struct layer_name *image_layer_names(struct store *s, const struct manifest *m, size_t first,
				     size_t count);

/* True where the store has what it takes to show these layers: their blobs, or tables of their
 * contents. */
bool image_layers_shown(struct store *s, const struct manifest *m, size_t first, size_t count);

/* True where the store has the blobs of all these layers. */
bool image_layers_local(struct store *s, const struct manifest *m, size_t first, size_t count);

#endif
