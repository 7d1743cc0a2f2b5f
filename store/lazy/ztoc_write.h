/* SPDX-License-Identifier: MIT */
/*
 * Makes a zTOC (store/lazy/ztoc.h) of a layer that is here, from its index: seek points become
 * checkpoints, entries stay what they are. Spans are cut by the rule of soci-snapshotter: a span
 * ends at the first point more than ZTOC_SPAN_SIZE plain bytes behind its start. Blocks; thread safe.
 */
#ifndef STORE_ZTOC_WRITE_H
#define STORE_ZTOC_WRITE_H

#include "store/base/buf.h"
#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/disk/store.h"

#define ZTOC_TOOL "imagefs " IMAGEFS_VERSION

/* Writes the zTOC of a blob that the store has, with its index, to *out. -EOPNOTSUPP: there can be none
 * (zstd, sparse files, a time outside of RFC 3339, an empty layer, or it would exceed ZTOC_MAX).
 * -ENOENT: no blob, or no index. -EBADMSG: the blob has rotted. */
int ztoc_write(struct store *s, const struct digest *blob, struct cancel *cancel, struct buf *out,
	       struct err *err);

#endif
