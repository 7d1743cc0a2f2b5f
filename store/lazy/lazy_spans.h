/* SPDX-License-Identifier: MIT */
/*
 * Where in the blob the chunks of a table of contents lie, made into spans of an index. A table
 * says where a gzip member or zstd frame begins, and mostly not where it ends: the next one that is
 * known bounds it, so a chunk becomes a span when that comes. One thread at a time.
 */
#ifndef STORE_LAZY_SPANS_H
#define STORE_LAZY_SPANS_H

#include "store/base/buf.h"
#include "store/layer/layer_table.h"

#include <stdbool.h>

struct lazy_spans {
	struct layer_table *table; /* borrowed */
	uint64_t limit;		   /* here the members and frames of the blob's content end */
	uint64_t
	    block; /* plain bytes that are decoded at once: of the last block more than is wanted */
	bool has_member;
	uint64_t member;    /* where the present one begins */
	uint64_t end;	    /* … and ends; 0: not known yet */
	uint64_t taken;	    /* plain bytes of it that belong to chunks so far, from its start */
	struct buf waiting; /* struct waiting[], its chunks that have no span yet */
	uint64_t archive;   /* bytes of all chunks that get spans: where the next one's lie */
};

/* Content that is `size` plain bytes behind the first `inner` ones of the member at `offset`. NULL:
 * nobody reads it, it only bounds the others. -EBADMSG: no writer makes that (it begins behind the
 * content of the blob, or within what is another chunk's); -EOPNOTSUPP: it is legal and cannot be a
 * span (longer than LAYER_SPAN_MAX, out of order). */
int lazy_spans_add(struct lazy_spans *s, uint64_t offset, uint64_t inner, uint64_t size,
		   const struct digest *sha256, struct err *err);

/* The present member is said to end here. -EBADMSG: it cannot. */
int lazy_spans_end(struct lazy_spans *s, uint64_t end, struct err *err);

/* No more chunks come. */
int lazy_spans_finish(struct lazy_spans *s, struct err *err);

/* Bytes that wait. */
uint64_t lazy_spans_memory(const struct lazy_spans *s);
void lazy_spans_free(struct lazy_spans *s);

#endif
