/* SPDX-License-Identifier: MIT */
/*
 * Whether a layer can be read before all of it is here, and which bytes of the blob say what is in
 * it: the table of contents of eStargz (stargz-snapshotter docs/estargz.md) or of zstd:chunked
 * (containers/storage pkg/chunked). The annotations of the layer's descriptor hold its digest, so
 * whoever trusts the manifest can trust the table. Pure.
 *
 *	lazy_find     what the descriptor says
 *	lazy_footer   of eStargz: the bytes that it asked for say where the table lies
 *	lazy_external where that is another blob: how long it is
 *	lazy_build    is fed the table, and writes the index (store/lazy/lazy_build.h)
 *
 * Two codes in all of this room: -EBADMSG is for what no writer would produce, -EOPNOTSUPP for what is
 * legal and cannot be read in this way. Both mean that the layer is to be fetched whole, as any other.
 */
#ifndef STORE_LAZY_H
#define STORE_LAZY_H

#include "store/base/ranges.h"
#include "store/codec/codec.h"
#include "store/oci/oci.h"

#include <stdbool.h>

#define LAZY_TABLE_MAX (128u << 20) /* compressed bytes of a table */
#define LAZY_JSON_MAX  (1u << 30)   /* its plain bytes */
#define LAZY_FOOTER    51	    /* bytes of an eStargz footer; of the older form 47 */

enum lazy_format { LAZY_NONE, LAZY_ESTARGZ, LAZY_ZSTD_CHUNKED };

struct lazy {
	enum lazy_format format;
	enum compression compression; /* of the blob, as its media type says */
	bool landmarks;		      /* it tells of files that the writer added for itself */
	struct digest table;	/* eStargz: of the JSON; zstd:chunked: of its compressed bytes */
	struct byte_range next; /* of the blob: what to get next */
	bool has_table;		/* that is the table; else the footer */
	bool external; /* the table is another blob, and `next` with has_table a range of that */
	uint64_t json_max;    /* plain bytes of the table at most */
	uint64_t content_end; /* of the blob: here its content ends; with has_table */
};

/* LAZY_NONE, and 0, where the layer has no table, or one with a digest other than sha256, of an
 * unknown type, or not of the compression that its media type says. -EBADMSG: the table lies
 * beyond the blob, or its place is no place. -EOPNOTSUPP: it is over the limits above. */
int lazy_find(const struct descriptor *d, struct lazy *out, struct err *err);

/* A file that the writer of eStargz adds for itself, and no image has (docs/estargz.md,
 * "Landmark"), by its path in the layer. */
bool lazy_is_landmark(const char *path);

/* Of these, the one that stands behind the files that the image's author wants to be fetched first;
 * and the one that says that there are none. */
#define LAZY_PREFETCH	 ".prefetch.landmark"
#define LAZY_NO_PREFETCH ".no.prefetch.landmark"

/* The footer has come: `len` bytes of l->next. -EOPNOTSUPP: its table is over the limits. -EBADMSG:
 * it is no footer, or names a place beyond the blob. l->external: it says that the table lies in
 * another blob, and not in which. */
int lazy_footer(struct lazy *l, const void *data, size_t len, struct err *err);

/* That blob has so many bytes, all of them the table. -EOPNOTSUPP: it is over the limits. -EBADMSG: it
 * is empty. */
int lazy_external(struct lazy *l, uint64_t size, struct err *err);

#endif
