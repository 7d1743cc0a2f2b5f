/* SPDX-License-Identifier: MIT */
/*
 * A zTOC (store/lazy/ztoc.h) of a layer that is here, made of its index: seek points become
 * checkpoints, entries stay what they are. Spans are cut by the rule of soci-snapshotter: at the first point
 * more than ZTOC_SPAN_SIZE plain bytes behind the one before. Blocks; thread safe.
 */
#ifndef STORE_ZTOC_WRITE_H
#define STORE_ZTOC_WRITE_H

#include "store/base/buf.h"
#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/disk/store.h"

#define ZTOC_TOOL "imagefs " IMAGEFS_VERSION

/* Of a blob that the store has, with its index: *out becomes it. -EOPNOTSUPP: there can be none (zstd, sparse files,
 * an empty layer, or it would be over ZTOC_MAX). -ENOENT: no blob, or no index. -EBADMSG: the blob has rotted. */
int ztoc_write(struct store *s, const struct digest *blob, struct cancel *cancel, struct buf *out,
	       struct err *err);

#endif
