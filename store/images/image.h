/* SPDX-License-Identifier: MIT */
/*
 * An image of the store, with all its documents: the index or manifest that a name names, the
 * manifest of one platform, and its config. Owns copies of all. Layers are looked at only when a
 * size is asked for. Read-only once open, thread safe then.
 */
#ifndef STORE_IMAGE_H
#define STORE_IMAGE_H

#include "store/base/mem.h"
#include "store/oci/oci.h"
#include "store/disk/store.h"
#include "store/layer/layer_name.h"

#define IMAGE_INDEX_DEPTH_MAX 4 /* indexes inside indexes */

struct image {
	struct descriptor top;	      /* the one that was asked for */
	struct descriptor descriptor; /* of the manifest: a copy of top, or of the index's entry */
	struct descriptor indexes[IMAGE_INDEX_DEPTH_MAX]; /* the way from top to the manifest */
	size_t index_count;
	struct manifest *manifest;    /* owned */
	struct config *config;	      /* owned; of an artifact: an empty one */
	bool artifact;		      /* its blobs are no layers (store/images/artifact.h) */
};

enum image_choice {
	IMAGE_WISHED, /* the platform that serves the wish best, as a pull chooses it */
	IMAGE_LOCAL,  /* the same; if the store lacks it, the first that the store holds */
};

/* Opens an image from local blobs only. -ENOENT: one is missing, or no platform fits (the sentence lists
 * those that there are). -EPROTO, -EBADMSG, -EOPNOTSUPP: a document is malformed, damaged or unknown. A
 * manifest that is not in an index is taken whatever its platform. */
int image_open(struct store *s, const struct descriptor *top, const struct platform *wish,
	       enum image_choice choice, struct image **out, struct err *err);
void image_close(struct image *i);
DEFINE_AUTO(struct image, image_close)

/* Finds the platform's manifest in an index, through indexes in indexes, from local blobs. Sets *out to a
 * copy that the caller clears. A manifest is its own answer. Errors as image_open. */
int image_resolve(struct store *s, const struct descriptor *top, const struct platform *wish,
		  enum image_choice choice, struct descriptor *out, struct err *err);

/*
 * Bytes of a layer: those of its uncompressed archive if the store has its index, else those of the
 * compressed blob, as the manifest says. The size of an image is the sum over its layers, so that
 * the tables of images and of history agree. *indexed (may be NULL) is true if the archives of all
 * layers were counted.
 */
uint64_t image_layer_size(struct store *s, const struct image *i, size_t layer, bool *indexed);
uint64_t image_size(struct store *s, const struct image *i, bool *indexed);

/* How a layer of a manifest is read now: layer_name_of with the manifest's vouchers. */
struct layer_name image_layer_name(struct store *s, const struct manifest *m, size_t layer);

/* The same for layers [first, first + count), bottom first: an array that the caller frees; NULL: out of
 * memory. */
struct layer_name *image_layer_names(struct store *s, const struct manifest *m, size_t first,
				     size_t count);

/* True if the store can show these layers: it has their blobs, or tables of their contents. */
bool image_layers_shown(struct store *s, const struct manifest *m, size_t first, size_t count);

/* True if the store has the blobs of all these layers. */
bool image_layers_local(struct store *s, const struct manifest *m, size_t first, size_t count);

#endif
