/* SPDX-License-Identifier: MIT */
/*
 * An open layer: any range of its uncompressed archive, without decoding from the start. Decoded
 * spans live in a bounded cache shared by all layers. Thread safe.
 */
#ifndef STORE_LAYER_H
#define STORE_LAYER_H

#include "store/disk/blob_source.h"
#include "store/layer/layer_index.h"
#include "store/layer/layer_name.h"
#include "store/layer/span_cache.h"

struct layer;
int layer_open(struct store *s, struct span_cache *cache, const struct digest *blob,
	       struct layer **out, struct err *err); /* -ENOENT: no blob, or no index */

/* Opens the layer by the index that the name says. If the blob (of blob_size bytes) is not whole, what
 * is held of it is read. -ENOENT: that index is missing, or vouched for by another image. */
int layer_open_name(struct store *s, struct span_cache *cache, const struct layer_name *name,
		    uint64_t blob_size, struct layer **out, struct err *err);

/* Opens the layer over a source of the blob's bytes, which is taken, also on failure, and by the index
 * of that kind. layer_open uses LAYER_CHECK_BLOCKS. */
int layer_open_source(struct store *s, struct span_cache *cache, const struct digest *blob,
		      enum layer_check kind, struct blob_source *source, struct layer **out,
		      struct err *err);
void layer_close(struct layer *l);
DEFINE_AUTO(struct layer, layer_close)

const struct layer_index *layer_index(const struct layer *l); /* borrowed */

/* False: the layer has to be opened again. Either its index or frames proved damaged: they were
 * removed, this handle gives errors, and layer_open is -ENOENT until they are made again. Or the blob
 * proved damaged and has been replaced: layer_open opens the new one. */
bool layer_intact(const struct layer *l);

/* Bytes of the blob that are not here. */
struct layer_gap {
	struct byte_range in;  /* of the blob */
	uint64_t archive;      /* an offset of the archive that cannot be read without them */
	enum layer_check kind; /* of the index by which the layer is read */
};

/* Finds the first gap in the bytes that a range of the archive needs. False: there is none. */
bool layer_missing(const struct layer *l, uint64_t offset, size_t len, struct layer_gap *out);

/* How many bytes of a range of the archive can be read now, by what was known a second ago. */
uint64_t layer_here(const struct layer *l, uint64_t offset, uint64_t len);

/* What is held of the blob, borrowed; NULL: the blob is whole. */
struct held *layer_held(const struct layer *l);

/* Reads exactly len bytes from offset of the archive. -ENODATA: layer_missing finds a gap. -EBADMSG: the
 * blob, its index or its frames are damaged, or the archive ends before. -EIO: the disk gives an error,
 * or a file ends early. If a whole blob is to blame, it is marked (store/disk/damage.h). */
int layer_read(struct layer *l, uint64_t offset, void *data, size_t len, struct err *err);

/*
 * The same without a copy. Gives at least one byte from offset and at most len (> 0): those that the
 * decoded span has. They hold until layer_put.
 */
struct layer_bytes {
	const void *data;
	size_t len;
	struct cached_span *span; /* the span that `data` lies in; NULL for a plain archive */
	void *owned;		  /* the memory of `data` for a plain archive; else NULL */
	bool last;		  /* `data` goes to the end of the span */
	/* If this call began to decode the span: how many of its bytes lie before `data`, and behind
	 * it. Those behind may not be decoded yet. */
	size_t before, after;
};
int layer_get(struct layer *l, uint64_t offset, size_t len, struct layer_bytes *out,
	      struct err *err);
void layer_put(struct layer *l, struct layer_bytes *b);

/*
 * Whether two ranges hold the same bytes. Nothing is read: the digests are compared by which spans
 * are verified when they are read. LAYER_MAYBE_SAME: a layer has none, or the ranges are not made of
 * whole spans of equal lengths. The answer is right if layer_check_digests is true for both layers
 * afterwards.
 */
enum layer_sameness { LAYER_OTHER, LAYER_SAME, LAYER_MAYBE_SAME };
enum layer_sameness layer_compare(const struct layer *a, uint64_t a_offset, const struct layer *b,
				  uint64_t b_offset, uint64_t len);

/* False: the index with the digests is damaged, and layer_intact is false from now on. Reads all of the
 * index. True for a layer without digests. */
bool layer_check_digests(struct layer *l);

/* Decodes the whole span at an offset of the archive, for the next reader. Failures are not told. */
void layer_prepare(struct layer *l, uint64_t offset);

#endif
