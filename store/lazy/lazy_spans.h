/* SPDX-License-Identifier: MIT */
/*
 * Makes spans of an index from the places that the chunks of a table of contents have in the blob.
 * Mostly a table says only where a gzip member or zstd frame begins, not where it ends. The next
 * one that is known bounds it: when that comes, the chunk becomes a span. One thread at a time.
 */
#ifndef STORE_LAZY_SPANS_H
#define STORE_LAZY_SPANS_H

#include "store/base/buf.h"
#include "store/layer/layer_table.h"

#include <stdbool.h>

struct lazy_spans {
	struct layer_table *table; /* borrowed */
	uint64_t limit;		   /* offset in the blob where its content ends */
	uint64_t block; /* plain bytes that a decoder decodes at once, maybe more than are wanted */
	bool has_member;
	uint64_t member;    /* offset in the blob of the present member or frame */
	uint64_t end;	    /* where that ends; 0: not known yet */
	uint64_t taken;	    /* plain bytes of the member, from its start, that chunks have taken */
	struct buf waiting; /* struct waiting[], chunks of the member that have no span yet */
	uint64_t archive;   /* bytes of all chunks that get spans: the next one's offset */
};

/* Adds a chunk: `size` plain bytes behind the first `inner` ones of the member at `offset`. With sha256
 * NULL it gets no span, and only bounds the others. -EBADMSG: no writer makes that (it begins behind the
 * content of the blob, or within another chunk). -EOPNOTSUPP: it is legal, but cannot be a span (longer
 * than LAYER_SPAN_MAX, out of order). */
int lazy_spans_add(struct lazy_spans *s, uint64_t offset, uint64_t inner, uint64_t size,
		   const struct digest *sha256, struct err *err);

/* The table says that the present member ends at `end` of the blob. -EBADMSG: it cannot. */
int lazy_spans_end(struct lazy_spans *s, uint64_t end, struct err *err);

/* No more chunks come. */
int lazy_spans_finish(struct lazy_spans *s, struct err *err);

/* Bytes of memory that waiting chunks take. */
uint64_t lazy_spans_memory(const struct lazy_spans *s);
void lazy_spans_free(struct lazy_spans *s);

#endif
