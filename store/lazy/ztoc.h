/* SPDX-License-Identifier: MIT */
/*
 * A zTOC (awslabs/soci-snapshotter ztoc/fbs/ztoc.fbs) is a flatbuffer about an ordinary layer, gzip
 * or not compressed: the entries of its archive, the places of their content, and the checkpoints
 * from which it can be decoded. Its bytes were verified by their digest, but what they say is a
 * stranger's word. Pure; owns nothing.
 *
 * A span is the plain bytes from a checkpoint to the next one. Its digest goes over the compressed
 * bytes that hold them: from the byte with its first bit to the first whole byte of the next span.
 * So a byte that two spans share belongs to both. The gzip header before the first span belongs to
 * none.
 */
#ifndef STORE_ZTOC_H
#define STORE_ZTOC_H

#include "store/base/buf.h"
#include "store/base/digest.h"
#include "store/codec/codec.h"
#include "store/lazy/flat.h"
#include "store/tar/entry.h"
#include "store/tar/tar_ext.h"

#define ZTOC_VERSION	   "0.9"
#define ZTOC_MAX	   (64u << 20) /* bytes: the windows of an archive of 8 GiB */
#define ZTOC_WINDOW	   CODEC_WINDOW
#define ZTOC_SPAN_SIZE	   (4u << 20) /* plain bytes of a span, as writers make them */
#define ZTOC_ENTRIES_MAX   2000000
#define ZTOC_ZINFO_HEAD	   12			     /* bytes: count of checkpoints, span size */
#define ZTOC_CHECKPOINT	   (8 + 8 + 1 + ZTOC_WINDOW) /* bytes: in, out, bits, window */
#define ZTOC_ZINFO_VERSION 2 /* of the description of spans without compression */

/* The numbers of fields in the schema. */
enum { ZTOC_F_VERSION, ZTOC_F_TOOL, ZTOC_F_PACKED, ZTOC_F_PLAIN, ZTOC_F_TOC, ZTOC_F_INFO };
enum { ZTOC_F_ALGORITHM, ZTOC_F_MAX_SPAN, ZTOC_F_DIGESTS, ZTOC_F_CHECKPOINTS };
enum { ZTOC_GZIP = 1, ZTOC_PLAIN = 2 };
enum { ZTOC_F_ENTRIES };
enum {
	ZTOC_F_NAME,
	ZTOC_F_TYPE,
	ZTOC_F_OFFSET,
	ZTOC_F_SIZE,
	ZTOC_F_LINK,
	ZTOC_F_MODE,
	ZTOC_F_UID,
	ZTOC_F_GID,
	ZTOC_F_UNAME,
	ZTOC_F_GNAME,
	ZTOC_F_TIME,
	ZTOC_F_MAJOR,
	ZTOC_F_MINOR,
	ZTOC_F_PAX
};
enum { ZTOC_F_KEY, ZTOC_F_VALUE };
enum { ZTOC_F_TAR_VERSION, ZTOC_F_TAR_SPAN_SIZE, ZTOC_F_TAR_SIZE }; /* zinfo.fbs */

struct ztoc {
	struct flat in;
	enum compression compression;
	uint64_t packed, plain; /* bytes of the blob, and of its archive */
	uint32_t spans;
	struct flat_vector digests;
	struct flat_vector entries;
	const uint8_t *checkpoints; /* gzip: of the spans from `implied` on; else NULL */
	uint32_t implied;   /* spans at the start without a checkpoint of their own: 0 or 1 */
	uint64_t span_size; /* without compression: bytes of each span but the last */
};

/* Opens the bytes, which are borrowed. `compression` (by the layer's media type) and blob_size must be
 * the zTOC's. -EBADMSG: no writer makes such a zTOC; -EOPNOTSUPP: it is legal, but not read (another
 * version, too large). */
int ztoc_open(const void *data, size_t len, enum compression compression, uint64_t blob_size,
	      struct ztoc *out, struct err *err);

struct ztoc_span {
	struct seek_point from; /* window: 0 where nothing is compressed */
	const void *window;	/* from.window bytes, borrowed; or NULL */
	uint64_t in_end;	/* offset behind the compressed bytes that the digest goes over */
	uint64_t out_end;	/* offset in the archive; == from.out: the span is empty */
	struct digest digest;
};

/* Gives span i < z->spans. Codes as ztoc_open. */
int ztoc_span(const struct ztoc *z, uint32_t i, struct ztoc_span *out, struct err *err);

/* One entry and its memory: zeros at first, then reused. */
struct ztoc_entry {
	struct entry entry;
	struct buf bytes;   /* owned; entry points into it */
	struct tar_ext pax; /* owned; only its extended attributes count */
	uint64_t end;	    /* offset behind the content of all entries so far */
	uint64_t taken;	    /* bytes of strings so far */
};

/* Gives entry i < z->entries.count; entries are read one after the other. Codes as ztoc_open. */
int ztoc_entry(const struct ztoc *z, uint32_t i, struct ztoc_entry *e, struct err *err);
void ztoc_entry_free(struct ztoc_entry *e);

#endif
