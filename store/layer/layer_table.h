/* SPDX-License-Identifier: MIT */
/*
 * Writes a layer's index from a table of contents (store/layer/layer_build.h has the other way,
 * from the bytes). Only the spans that the table names can be read; one behind the other they are the
 * layer's archive, and entries say where in it their content lies. Nothing is verified here: each
 * span has a digest by which it is verified when it is read. One thread at a time.
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
/* layer_check_is_table(kind): what the digests of spans go over. */
int layer_table_open(struct store *s, enum layer_check kind, struct layer_table **out,
		     struct err *err);

/* The next `len` bytes of the archive: where in the blob the gzip member or zstd frame lies that
 * holds them behind its first `skip` plain bytes, and their sha256. -EBADMSG: there can be no such
 * span. */
int layer_table_span(struct layer_table *t, struct byte_range in, uint64_t skip, uint64_t len,
		     const struct digest *sha256, struct err *err);

/* The same where digests go over packed bytes, as layer_writer_packed has it. */
int layer_table_packed(struct layer_table *t, const struct seek_point *p, const void *window,
		       uint64_t in_end, uint64_t len, const struct digest *sha256, struct err *err);

/* In the order of the layer. They keep the limits of store/tar/entry.h. */
int layer_table_entry(struct layer_table *t, const struct entry *e, struct err *err);

/* What the manifest and the config say of the layer. */
struct layer_claim {
	const struct digest *blob, *diff_id; /* borrowed */
	uint64_t blob_size;
	enum compression compression; /* _NONE only with packed spans */
	const struct digest
	    *voucher; /* borrowed; NULL: no manifest vouches for it (layer_name.h) */
	uint64_t
	    landmark; /* whose author wants the bytes of the blob in front of it early; 0: none */
};

/* Bytes of memory that what was written so far takes until the end. */
uint64_t layer_table_memory(const struct layer_table *t);

/* Publishes the index. Then only close. */
int layer_table_finish(struct layer_table *t, const struct layer_claim *c, struct err *err);
void layer_table_close(struct layer_table *t);
DEFINE_AUTO(struct layer_table, layer_table_close)

#endif
