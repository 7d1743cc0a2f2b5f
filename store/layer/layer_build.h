/* SPDX-License-Identifier: MIT */
/*
 * Builds the index of a layer (store/layer/layer_index.h). It is fed the bytes of the blob in order,
 * from the network or from the store. One pass decodes them, hashes the archive, parses it and notes
 * seek points. Then layer_build_finish verifies diff_id (unless NULL) and publishes the index, under
 * the digest that the blob is known to have.
 *
 * -EBADMSG: truncated or corrupt compression, diff_id, tar; -EOPNOTSUPP: a compression that is not
 * known, or needs too much memory. After an error only close. One thread at a time. Two builds of a
 * layer may run side by side: the last index stays.
 */
#ifndef STORE_LAYER_BUILD_H
#define STORE_LAYER_BUILD_H

#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/disk/store.h"

struct layer_build;
int layer_build_open(struct store *s, const struct digest *diff_id, struct cancel *cancel,
		     struct layer_build **out, struct err *err); /* cancel: of waits for memory */
int layer_build_feed(struct layer_build *b, const void *data, size_t len, struct err *err);
int layer_build_finish(struct layer_build *b, const struct digest *blob, struct err *err);
void layer_build_close(struct layer_build *b);
DEFINE_AUTO(struct layer_build, layer_build_close)

/* The same from the blob in the store, whose digest is verified on the way (-EBADMSG). */
int layer_build_from_blob(struct store *s, const struct digest *blob, const struct digest *diff_id,
			  struct cancel *cancel, struct err *err);

/* -EBADMSG: the archive has another digest than the config of its image says (`wanted`; NULL: it says
 * none). */
int layer_build_check_diff_id(const struct digest *found, const struct digest *wanted,
			      struct err *err);

#endif
