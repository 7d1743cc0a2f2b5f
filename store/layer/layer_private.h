/* SPDX-License-Identifier: MIT */
/*
 * The inside of an open layer, for layer.c, which opens it, and layer_span.c, which decodes its
 * spans.
 */
#ifndef STORE_LAYER_PRIVATE_H
#define STORE_LAYER_PRIVATE_H

#include "store/layer/layer.h"

#include <stdatomic.h>

struct layer {
	struct store *store;	  /* borrowed */
	struct span_cache *cache; /* borrowed */
	struct digest blob;
	struct blob_source *source; /* owned */
	int frames_fd;		    /* owned; -1 where none are needed */
	struct layer_index *index;  /* owned */
	atomic_bool damaged;	    /* index or frames are, or the blob has been replaced */
};

/* A span that is to be decoded: the state of layer_span_ops, which span_cache runs. */
struct layer_fill {
	struct layer *layer;
	const struct layer_part *part;
};
extern const struct span_ops layer_span_ops;

/* Removes the layer's indexes and frames, which are made again, and ends this handle (layer_intact). */
void layer_drop_derived(struct layer *l);

/* Bytes of the blob proved wrong, or could not be read: marks it. If another file has taken its place by
 * now, layer_intact becomes false instead. */
void layer_mark_blob(struct layer *l);

#endif
