/* SPDX-License-Identifier: MIT */
/*
 * Builds a layer's index beside the thread that receives its bytes: the build, which has most of the
 * work, runs in a lane. Bytes that do not decode are reported at the end only, as their digest has
 * the first word on what is wrong. Owns the lane and the build; one thread at a time.
 */
#ifndef STORE_LAYER_STREAM_H
#define STORE_LAYER_STREAM_H

#include "store/base/cancel.h"
#include "store/layer/layer_index.h"

struct layer_stream;

/* diff_id: the digest that the archive should have (copied), or NULL. cancel is borrowed, or NULL. */
int layer_stream_open(struct store *s, const struct digest *diff_id, struct cancel *cancel,
		      struct layer_stream **out, struct err *err);

/* Hands on a copy. -EOPNOTSUPP: a compression that is not known. Corruption is told at the end. */
int layer_stream_put(struct layer_stream *l, const void *data, size_t len, struct err *err);

/* Starts again: the bytes come from the first on. */
int layer_stream_restart(struct layer_stream *l, struct err *err);

/* All bytes are in, and have this digest: publishes the index. -EBADMSG: corrupt, as layer_build
 * has it. Then only close. */
int layer_stream_finish(struct layer_stream *l, const struct digest *blob, struct err *err);
void layer_stream_close(struct layer_stream *l); /* NULL is allowed */
DEFINE_AUTO(struct layer_stream, layer_stream_close)

#endif
