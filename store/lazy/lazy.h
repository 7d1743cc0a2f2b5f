/* SPDX-License-Identifier: MIT */
/*
 * Whether a layer can be read before all of it is here, and which bytes of the blob are its table of
 * contents: that of eStargz (stargz-snapshotter docs/estargz.md) or of zstd:chunked
 * (containers/storage pkg/chunked). The annotations of the layer's descriptor hold the table's
 * digest, so the table can be trusted as far as the manifest. Pure.
 *
 *	lazy_find     takes the descriptor, and says which bytes to get
 *	lazy_footer   takes those of eStargz, which say where the table lies
 *	lazy_external takes the size of the table if that is another blob
 *	lazy_build    is fed the table, and writes the index (store/lazy/lazy_build.h)
 *
 * All of this room has two codes: -EBADMSG: no writer would produce this. -EOPNOTSUPP: it is legal, but
 * cannot be read in this way. After both the layer is fetched whole, as any other.
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
	bool landmarks;		      /* the table names files that the writer added for itself */
	struct digest table;	/* of the JSON (eStargz) or its compressed bytes (zstd:chunked) */
	struct byte_range next; /* the bytes of the blob to get next */
	bool has_table;		/* `next` is the table; else it is the footer */
	bool external; /* the table is another blob; with has_table, `next` is a range of that */
	uint64_t json_max;    /* the most plain bytes of the table */
	uint64_t content_end; /* offset in the blob where its content ends; with has_table */
};

/* 0 with LAZY_NONE: the layer has no table, or one with a digest other than sha256, of an unknown type,
 * or not of the compression that its media type says. -EBADMSG: the table lies beyond the blob, or its
 * place is malformed. -EOPNOTSUPP: it is over the limits above. */
int lazy_find(const struct descriptor *d, struct lazy *out, struct err *err);

/* True for the path of a file that the writer of eStargz adds to the layer for itself: its table, and
 * the two below (docs/estargz.md, "Landmark"). */
bool lazy_is_landmark(const char *path);

/* LAZY_PREFETCH stands behind the files that the image's author wants to be fetched first.
 * LAZY_NO_PREFETCH says that there are none. */
#define LAZY_PREFETCH	 ".prefetch.landmark"
#define LAZY_NO_PREFETCH ".no.prefetch.landmark"

/* Takes the footer, the `len` bytes of l->next, and sets l->next to the table; or l->external, if the
 * table lies in another blob (the footer does not say in which). -EOPNOTSUPP: the table is over the
 * limits. -EBADMSG: it is no footer, or names a place beyond the blob. */
int lazy_footer(struct lazy *l, const void *data, size_t len, struct err *err);

/* Takes the size of that blob, which is all table, and sets l->next. -EOPNOTSUPP: it is over the limits.
 * -EBADMSG: it is empty. */
int lazy_external(struct lazy *l, uint64_t size, struct err *err);

#endif
