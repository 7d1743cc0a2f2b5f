/* SPDX-License-Identifier: MIT */
/*
 * Writes a layer's index from a table of contents (store/layer/layer_build.h makes it from the
 * bytes). The spans that the table names, one behind the other, are the layer's archive; entries say
 * where in it their content lies. Nothing is verified here: each span has a digest by which it is
 * verified when it is read. One thread at a time.
 */
#ifndef STORE_LAYER_TABLE_H
#define STORE_LAYER_TABLE_H

#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/base/ranges.h"
#include "store/codec/codec.h"
#include "store/disk/store.h"
#include "store/layer/layer_format.h"
#include "store/tar/entry.h"

struct layer_table;
/* `kind` says which bytes the digests of spans go over; layer_check_is_table(kind) must be true. */
int layer_table_open(struct store *s, enum layer_check kind, struct layer_table **out,
		     struct err *err);

/* Adds the next `len` bytes of the archive, with their sha256. The gzip member or zstd frame at `in` of
 * the blob holds them behind its first `skip` plain bytes. -EBADMSG: there can be no such span
 * (layer_writer_span). */
int layer_table_span(struct layer_table *t, struct byte_range in, uint64_t skip, uint64_t len,
		     const struct digest *sha256, struct err *err);

/* The same with a digest over packed bytes, by the rules of layer_writer_packed. */
int layer_table_packed(struct layer_table *t, const struct seek_point *p, const void *window,
		       uint64_t in_end, uint64_t len, const struct digest *sha256, struct err *err);

/* Adds an entry, in the order of the layer. It keeps the limits of store/tar/entry.h. */
int layer_table_entry(struct layer_table *t, const struct entry *e, struct err *err);

/* The manifest and the config say this of the layer. */
struct layer_claim {
	const struct digest *blob, *diff_id; /* borrowed */
	uint64_t blob_size;
	enum compression compression; /* _NONE only with packed spans */
	const struct digest
	    *voucher; /* borrowed; NULL: no manifest vouches for it (layer_name.h) */
	uint64_t
	    landmark; /* offset in the blob: its author wants the bytes before it early; 0: none */
};

/* Bytes of memory that the spans and entries so far take until the end. */
uint64_t layer_table_memory(const struct layer_table *t);

/* Publishes the index. -EBADMSG: a span lies beyond the blob. Then only close. */
int layer_table_finish(struct layer_table *t, const struct layer_claim *c, struct err *err);
void layer_table_close(struct layer_table *t);
DEFINE_AUTO(struct layer_table, layer_table_close)

#endif
