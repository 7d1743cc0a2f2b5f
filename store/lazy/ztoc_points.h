/* SPDX-License-Identifier: MIT */
/*
 * The spans of a zTOC that is being written (store/lazy/ztoc_write.h), and their digests. Blocks; one
 * thread at a time.
 */
#ifndef STORE_ZTOC_POINTS_H
#define STORE_ZTOC_POINTS_H

#include "store/base/buf.h"
#include "store/base/cancel.h"
#include "store/layer/layer_index.h"

struct ztoc_points;

/* Reads all of the blob. `index` is that of the blob, borrowed until ztoc_points_free; so is cancel.
 * Errors as ztoc_write. */
int ztoc_points_find(struct store *s, const struct digest *blob, const struct layer_index *index,
		     struct cancel *cancel, struct ztoc_points **out, struct err *err);
void ztoc_points_free(struct ztoc_points *p); /* NULL is allowed */
DEFINE_AUTO(struct ztoc_points, ztoc_points_free)

uint32_t ztoc_points_count(const struct ztoc_points *p); /* at least 1 */
const struct digest *ztoc_points_digest(const struct ztoc_points *p, uint32_t i);

/* Appends the description of the spans: checkpoints with windows, or for a plain layer a flatbuffer. */
int ztoc_points_zinfo(const struct ztoc_points *p, struct buf *out, struct err *err);

#endif
