/* SPDX-License-Identifier: MIT */
/*
 * The open layers of a mount: one handle per name, shared by all images that have
 * the layer, closed with its last user. A layer that proves damaged (layer_intact) is given to
 * no further user. Thread safe.
 */
#ifndef FS_LAYERS_H
#define FS_LAYERS_H

#include "store/layer/layer.h"

struct layers;

int layers_open(struct store *s, struct span_cache *spans, struct layers **out, struct err *err);
void layers_close(struct layers *t); /* none may be in use; NULL is allowed */

/* *out is a reference, for layers_put. blob_size is in bytes. Errors are those of layer_open_name. */
int layers_get(struct layers *t, const struct layer_name *name, uint64_t blob_size,
	       struct layer **out, struct err *err);
void layers_put(struct layers *t, struct layer *l); /* NULL is allowed */

#endif
