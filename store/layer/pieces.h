/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a blob as they are, verified by the checks of its pieces, which its index has. For
 * archives that are not compressed, and for reading the blob itself. Thread safe.
 */
#ifndef STORE_PIECES_H
#define STORE_PIECES_H

#include "store/base/ranges.h"
#include "store/disk/blob_source.h"
#include "store/layer/layer_index.h"

/* Appends len bytes of the blob from offset, which lie within it. -EBADMSG: the blob had other bytes
 * when the index was made; -ENODATA: their pieces are not all here; -EIO. */
int pieces_read(const struct layer_index *x, const struct blob_source *b, uint64_t offset,
		size_t len, struct buf *out, struct err *err);

/* The same without a copy: *data lies in *owned, which the caller frees. */
int pieces_get(const struct layer_index *x, const struct blob_source *b, uint64_t offset,
	       size_t len, void **owned, const void **data, struct err *err);

/* The bytes of all pieces that hold a range of a blob of `size` bytes. */
struct byte_range pieces_around(uint64_t offset, size_t len, uint64_t size);

#endif
