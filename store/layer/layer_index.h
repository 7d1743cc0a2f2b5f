/* SPDX-License-Identifier: MIT */
/*
 * derived/layers/HEX: what is known of a layer beside its blob: how it is compressed, its diff_id,
 * the size of its archive, seek points (with their windows, compressed) and its table of contents.
 * One file, versioned, bound to the blob's digest, checksummed (XXH3), used by mmap. -ENOENT where
 * it is missing, of another version or damaged: it is then built again from the blob. Thread safe.
 *
 * The file may be cut, written to or become unreadable while it is open (store/base/mapped.h). What
 * the header says does not change; seek points are checked when they are used; windows and the
 * table of contents may be anything. What is decoded with them is held against the checks. Where it
 * does not fit, layer_index_intact says whose fault it is.
 */
#ifndef STORE_LAYER_INDEX_H
#define STORE_LAYER_INDEX_H

#include "store/disk/blob.h"
#include "store/codec/codec.h"
#include "store/base/digest.h"
#include "store/codec/seek.h"
#include "store/layer/layer_format.h"
#include "store/disk/store.h"
#include "store/layer/toc.h"

#include <stdbool.h>

struct layer_index;
/* The index of that kind: none stands in for the other. -ENOENT also where it has frames, and they are missing or
 * cut: both are made again together. */
int layer_index_open(struct store *s, const struct digest *blob, enum layer_check kind,
		     struct layer_index **out, struct err *err);
void layer_index_close(struct layer_index *x);

/* By which digest a table is trusted (layer_name.h): of one that may not be fit to be opened; false:
 * there is none. And of an open one, LAYER_VOUCHER bytes. */
bool layer_index_voucher(struct store *s, const struct digest *blob, enum layer_check kind,
			 uint8_t out[static LAYER_VOUCHER]);
const uint8_t *layer_index_vouched(const struct layer_index *x);
DEFINE_AUTO(struct layer_index, layer_index_close)

/* Whether it still is what was opened. It reads all of it. */
bool layer_index_intact(const struct layer_index *x);

/* Differs between indexes that have other seek points. */
uint64_t layer_index_checksum(const struct layer_index *x);

/* The size of the uncompressed archive, as the header alone says: by its own check, as the other
 * goes over all of the file. For tables of many images. */
int layer_index_peek(struct store *s, const struct digest *blob, uint64_t *archive_size,
		     struct err *err);

/* The same over memory that the caller keeps (for tests and fuzzing). */
int layer_index_parse(const void *data, size_t len, const struct digest *blob,
		      struct layer_index **out, struct err *err);

const struct digest *layer_index_diff_id(const struct layer_index *x);
enum compression layer_index_compression(const struct layer_index *x);
enum layer_check layer_index_check(const struct layer_index *x);
/* The blob is the archive: what is read is verified by its pieces alone (pieces.h). */
bool layer_index_is_plain(const struct layer_index *x);
uint64_t layer_index_blob_size(const struct layer_index *x);
uint64_t layer_index_archive_size(const struct layer_index *x); /* uncompressed bytes */
uint64_t layer_index_landmark(const struct layer_index *x);	/* layer_claim.landmark */
uint64_t layer_index_frames_size(const struct layer_index *x);	/* of HEX.frames; 0: none */
uint64_t layer_index_frames_check(const struct layer_index *x); /* XXH3-64 of that file */

/* Whether these bytes are those that the blob had at `offset` when the index was made: whole pieces, and the end
 * of the blob. False where the index has no pieces. */
bool layer_index_fits(const struct layer_index *x, uint64_t offset, const void *data, size_t len);
uint64_t layer_index_entries(const struct layer_index *x);
int layer_index_toc(const struct layer_index *x, struct toc_reader **out,
		    struct err *err); /* borrows x */

/* The stream of the table of contents, appended to *out, and right: -ENOENT where the file proves
 * damaged. */
int layer_index_copy_toc(const struct layer_index *x, struct buf *out, struct err *err);

/* The span that holds an offset of the archive. */
struct layer_part {
	uint64_t number; /* of the span, from 0 */
	struct span span;
	uint32_t skip;		/* plain bytes that come first, and are not of the span */
	bool in_frames;		/* to be read from HEX.frames instead of the blob */
	const uint64_t *checks; /* layer_check_count() of them, borrowed from the index */
	const void *window;	/* compressed, borrowed from the index */
	size_t window_size;
};

/* -ENOENT where the offset is behind the end, and for plain archives, which need none; -EBADMSG
 * where the file is damaged. */
int layer_index_find(const struct layer_index *x, uint64_t offset, struct layer_part *out);

/* Removes the indexes of a layer, of all kinds, so that they are made again: what they refer to
 * proved damaged. */
void layer_index_remove(struct store *s, const struct digest *blob);

#endif
