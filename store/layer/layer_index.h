/* SPDX-License-Identifier: MIT */
/*
 * derived/layers/HEX describes a layer: its compression, its diff_id, the size of its archive, its
 * seek points (with compressed windows) and its table of contents. It is one file, versioned, bound
 * to the blob's digest, checksummed (XXH3), used by mmap. -ENOENT: it is missing, of another version
 * or damaged, and is to be built again from the blob. Thread safe.
 *
 * The file may be cut, written to or become unreadable while it is open (store/base/mapped.h). The
 * header was copied. Seek points are checked when they are used. Windows and the table of contents
 * may be anything: bytes that are decoded with them are verified by the checks. If they do not fit,
 * layer_index_intact says whether the index or the blob is to blame.
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
/* Opens the index of exactly that kind. -ENOENT, too, if its frames are missing or cut: index and frames
 * are made again together. */
int layer_index_open(struct store *s, const struct digest *blob, enum layer_check kind,
		     struct layer_index **out, struct err *err);
void layer_index_close(struct layer_index *x);

/* The digest by which a table is trusted (layer_name.h), read from the file's header alone; the file may
 * be damaged behind it. False: there is no good header. layer_index_vouched: the same for an open index,
 * LAYER_VOUCHER bytes, borrowed. */
bool layer_index_voucher(struct store *s, const struct digest *blob, enum layer_check kind,
			 uint8_t out[static LAYER_VOUCHER]);
const uint8_t *layer_index_vouched(const struct layer_index *x);
DEFINE_AUTO(struct layer_index, layer_index_close)

/* True if the file still has the bytes that it had when it was opened. Reads all of it. */
bool layer_index_intact(const struct layer_index *x);

/* The checksum of the file: indexes with different seek points have different ones. */
uint64_t layer_index_checksum(const struct layer_index *x);

/* The size of the uncompressed archive, from the header of derived/layers/HEX alone, which has a check
 * of its own. For tables of many images. */
int layer_index_peek(struct store *s, const struct digest *blob, uint64_t *archive_size,
		     struct err *err);

/* Opens an index in memory that the caller keeps (for tests and fuzzing). */
int layer_index_parse(const void *data, size_t len, const struct digest *blob,
		      struct layer_index **out, struct err *err);

const struct digest *layer_index_diff_id(const struct layer_index *x);
enum compression layer_index_compression(const struct layer_index *x);
enum layer_check layer_index_check(const struct layer_index *x);
/* True if the blob is the archive, and is verified by its pieces alone (pieces.h). */
bool layer_index_is_plain(const struct layer_index *x);
uint64_t layer_index_blob_size(const struct layer_index *x);
uint64_t layer_index_archive_size(const struct layer_index *x); /* uncompressed bytes */
uint64_t layer_index_landmark(const struct layer_index *x);	/* layer_claim.landmark */
uint64_t layer_index_frames_size(const struct layer_index *x);	/* of HEX.frames; 0: none */
uint64_t layer_index_frames_check(const struct layer_index *x); /* XXH3-64 of that file */

/* True if the blob had these bytes at `offset` when the index was made. They are whole pieces (the last
 * one of the blob may be shorter). False, too, if the index has no pieces. */
bool layer_index_fits(const struct layer_index *x, uint64_t offset, const void *data, size_t len);
uint64_t layer_index_entries(const struct layer_index *x);
int layer_index_toc(const struct layer_index *x, struct toc_reader **out,
		    struct err *err); /* borrows x */

/* Appends the stream of the table of contents to *out, and verifies it. -ENOENT: the file proves
 * damaged. */
int layer_index_copy_toc(const struct layer_index *x, struct buf *out, struct err *err);

/* The span that holds an offset of the archive. */
struct layer_part {
	uint64_t number; /* of the span, from 0 */
	struct span span;
	uint32_t skip;		/* plain bytes that are decoded first, and lie before the span */
	bool in_frames;		/* it is read from HEX.frames instead of the blob */
	const uint64_t *checks; /* layer_check_count() of them, borrowed from the index */
	const void *window;	/* compressed, borrowed from the index */
	size_t window_size;
};

/* -ENOENT: the offset is behind the end, or the archive is plain and has no spans; -EBADMSG: the file is
 * damaged. */
int layer_index_find(const struct layer_index *x, uint64_t offset, struct layer_part *out);

/* Removes the indexes of a layer, of all kinds, and its frames, as one proved damaged. They are made
 * again when they are needed. */
void layer_index_remove(struct store *s, const struct digest *blob);

#endif
