/* SPDX-License-Identifier: MIT */
/*
 * Writes derived/layers/HEX, and HEX.frames where it is needed, as an archive goes by, its data and
 * its seek points in order, and the blob that it lies in; HEX.raw, of the blob alone; or, as HEX.table and its like, span by span, as a table of contents has them. Files appear at
 * finish, both or none. One thread at a time.
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

/* LAYER_CHECK_DIGESTS: the next `len` plain bytes are what bytes in.first to in.end of the blob
 * decompress to, behind the first `skip` of it, and have that sha256. len > 0; neither len nor
 * skip is above LAYER_SPAN_MAX, or -EBADMSG: there can be no such span. */
int layer_writer_span(struct layer_writer *w, struct byte_range in, uint64_t skip, uint64_t len,
		      const struct digest *sha256, struct err *err);

/* layer_check_is_packed: the next `len` plain bytes are what bytes p->in to in_end of the blob
 * decompress to from the bit of `p` on, with the window of CODEC_WINDOW bytes that lies before (gzip; NULL without
 * compression); `sha256` is that of these compressed bytes. len is 1 to LAYER_PACKED_SPAN_MAX, in_end - p->in to
 * LAYER_PACKED_MAX. */
int layer_writer_packed(struct layer_writer *w, const struct seek_point *p, const void *window,
			uint64_t in_end, uint64_t len, const struct digest *sha256,
			struct err *err);

/* LAYER_CHECK_BLOCKS: the next data can be decoded from this point of the blob on. */
int layer_writer_point(struct layer_writer *w, const struct seek_point *p, const void *window,
		       struct err *err);
/* Compressed bytes, after what they gave: windows are reduced by them. */
int layer_writer_input(struct layer_writer *w, const void *data, size_t len, struct err *err);
int layer_writer_data(struct layer_writer *w, const void *data, size_t len, struct err *err);

/* LAYER_CHECK_BLOCKS, LAYER_CHECK_RAW: the next bytes of the blob. */
void layer_writer_raw(struct layer_writer *w, const void *data, size_t len);

/* Bytes of memory that the spans so far take. */
uint64_t layer_writer_memory(const struct layer_writer *w);

struct layer_summary {
	const struct digest *blob;
	enum compression compression;
	uint64_t blob_size, archive_size, entries;
	const struct digest *diff_id;
	const struct digest *voucher; /* or NULL */
	uint64_t landmark;	      /* as layer_claim has it */
	const struct buf *toc;
};
int layer_writer_finish(struct layer_writer *w, const struct layer_summary *summary,
			struct err *err);
void layer_writer_close(struct layer_writer *w);
DEFINE_AUTO(struct layer_writer, layer_writer_close)

#endif
