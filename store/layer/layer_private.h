/* SPDX-License-Identifier: MIT */
/*
 * What is inside an open layer: for layer.c, which opens it, and layer_span.c, which decodes its
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
	atomic_bool damaged;	    /* index or frames, or the blob has been replaced */
};

/* A span that is to be decoded: the state of layer_span_ops, which span_cache runs. */
struct layer_fill {
	struct layer *layer;
	const struct layer_part *part;
};
extern const struct span_ops layer_span_ops;

/* What is derived from the blob goes, and is made again when the layer is opened the next time. */
void layer_drop_derived(struct layer *l);

/* Bytes of the blob proved wrong, or could not be read: it is marked, unless another one has taken its place by now. */
void layer_mark_blob(struct layer *l);

#endif
