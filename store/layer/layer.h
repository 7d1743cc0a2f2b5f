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

/* As it is read by that name. Of a blob that is not whole, what is held. */
int layer_open_name(struct store *s, struct span_cache *cache, const struct layer_name *name,
		    uint64_t blob_size, struct layer **out, struct err *err);

/* The same over a source of the blob's bytes, which is taken, also where it fails, and by the index
 * of that kind. layer_open is by LAYER_CHECK_BLOCKS. */
int layer_open_source(struct store *s, struct span_cache *cache, const struct digest *blob,
		      enum layer_check kind, struct blob_source *source, struct layer **out,
		      struct err *err);
void layer_close(struct layer *l);
DEFINE_AUTO(struct layer, layer_close)

const struct layer_index *layer_index(const struct layer *l); /* borrowed */

/* False once what is derived from the blob proved damaged: it was removed, and this layer gives
 * errors from then on. Another layer_open is -ENOENT until it has been made again. And false once a
 * damaged blob proved to have been replaced: another layer_open has the new one. */
bool layer_intact(const struct layer *l);

/* What of the blob is not here. */
struct layer_gap {
	struct byte_range in;
	uint64_t archive;      /* an offset of the archive that cannot be read without it */
	enum layer_check kind; /* of the index by which the layer is read */
};

/* The first gap in what a range of the archive needs. False: it can be read. */
bool layer_missing(const struct layer *l, uint64_t offset, size_t len, struct layer_gap *out);

/* How many bytes of a range of the archive can be read with what is here, as far as it was known a
 * second ago. */
uint64_t layer_here(const struct layer *l, uint64_t offset, uint64_t len);

/* Where the bytes of the blob are kept as they come; NULL: it is whole. Borrowed. */
struct held *layer_held(const struct layer *l);

/* Exactly len bytes from offset of the archive. -ENODATA where layer_missing has something; -EBADMSG
 * where the blob, or what is derived from it, is damaged, or the archive ends before; -EIO where
 * the disk gives an error, or a file ends early. A blob that is whole, and to blame, is marked
 * (store/disk/damage.h). */
int layer_read(struct layer *l, uint64_t offset, void *data, size_t len, struct err *err);

/*
 * The same without a copy: at most len bytes from offset, at least one, as they lie in a decoded
 * span (or, of a plain archive, were read). They hold until layer_put.
 */
struct layer_bytes {
	const void *data;
	size_t len;
	struct cached_span *span; /* NULL, or the span that data lie in */
	void *owned;		  /* NULL, or the memory that data lie in */
	bool last;		  /* of the span */
	/* Bytes of the span around data, where this call had to decode it: those in front are
	 * there, those behind may not be. */
	size_t before, after;
};
int layer_get(struct layer *l, uint64_t offset, size_t len, struct layer_bytes *out,
	      struct err *err);
void layer_put(struct layer *l, struct layer_bytes *b);

/*
 * Whether two ranges hold the same bytes, as far as digests tell: those by which both layers are
 * verified when they are read, where the ranges are made of whole spans. Nothing is read.
 * LAYER_MAYBE_SAME: they do not. What was told is right if layer_check_digests says so afterwards of both.
 */
enum layer_sameness { LAYER_OTHER, LAYER_SAME, LAYER_MAYBE_SAME };
enum layer_sameness layer_compare(const struct layer *a, uint64_t a_offset, const struct layer *b,
				  uint64_t b_offset, uint64_t len);

/* False: the digests are damaged. The layer gives errors then, as where layer_intact is false. It
 * reads all of the index; a layer without digests has nothing to check. */
bool layer_check_digests(struct layer *l);

/* Decodes what lies there, for the next reader. */
void layer_prepare(struct layer *l, uint64_t offset);

#endif
