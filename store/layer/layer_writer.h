/* SPDX-License-Identifier: MIT */
/*
 * Writes the index of a layer, in one of three ways: derived/layers/HEX (and HEX.frames if it is
 * needed) from the archive's data and seek points in order and the bytes of the blob; HEX.raw from
 * the bytes of the blob alone; HEX.table, .ztoc or .referred span by span. Files appear at finish:
 * first the frames, then the index, without which they count for nothing. One thread at a time.
 */
#ifndef STORE_LAYER_WRITER_H
#define STORE_LAYER_WRITER_H

#include "store/base/buf.h"
#include "store/base/ranges.h"
#include "store/layer/layer_format.h"
#include "store/disk/store.h"

struct layer_writer;
int layer_writer_open(struct store *s, enum layer_check check, struct layer_writer **out,
		      struct err *err);

/* LAYER_CHECK_DIGESTS: adds the next `len` plain bytes, with their sha256. Bytes in.first to in.end - 1
 * of the blob decompress to `skip` other bytes and then these. -EBADMSG: len is 0, len or skip is above
 * LAYER_SPAN_MAX, or `in` is empty or has 4 GiB. */
int layer_writer_span(struct layer_writer *w, struct byte_range in, uint64_t skip, uint64_t len,
		      const struct digest *sha256, struct err *err);

/* layer_check_is_packed: adds the next `len` plain bytes. Bytes p->in to in_end - 1 of the blob
 * decompress to them from the bit of `p` on, with a window of CODEC_WINDOW bytes (NULL if nothing is
 * compressed). `sha256` is that of these compressed bytes. len is 1 to LAYER_PACKED_SPAN_MAX,
 * in_end - p->in is 1 to LAYER_PACKED_MAX. */
int layer_writer_packed(struct layer_writer *w, const struct seek_point *p, const void *window,
			uint64_t in_end, uint64_t len, const struct digest *sha256,
			struct err *err);

/* LAYER_CHECK_BLOCKS: the next data can be decoded from this point of the blob on. */
int layer_writer_point(struct layer_writer *w, const struct seek_point *p, const void *window,
		       struct err *err);
/* LAYER_CHECK_BLOCKS: compressed bytes, after the data that they gave; windows are reduced by them. */
int layer_writer_input(struct layer_writer *w, const void *data, size_t len, struct err *err);
/* LAYER_CHECK_BLOCKS: plain bytes. Those of a plain archive, which has no points, need not be given. */
int layer_writer_data(struct layer_writer *w, const void *data, size_t len, struct err *err);

/* LAYER_CHECK_BLOCKS, LAYER_CHECK_RAW: the next bytes of the blob. */
void layer_writer_raw(struct layer_writer *w, const void *data, size_t len);

/* Bytes of memory that spans and checks so far take. */
uint64_t layer_writer_memory(const struct layer_writer *w);

struct layer_summary {
	const struct digest *blob;
	enum compression compression;
	uint64_t blob_size, archive_size, entries;
	const struct digest *diff_id;
	const struct digest *voucher; /* or NULL */
	uint64_t landmark;	      /* layer_claim.landmark */
	const struct buf *toc;
};
int layer_writer_finish(struct layer_writer *w, const struct layer_summary *summary,
			struct err *err);
void layer_writer_close(struct layer_writer *w);
DEFINE_AUTO(struct layer_writer, layer_writer_close)

#endif
