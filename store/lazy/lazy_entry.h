/* SPDX-License-Identifier: MIT */
/*
 * One entry of a table of contents, read from its JSON and checked by itself. eStargz and
 * zstd:chunked share the members (stargz-snapshotter docs/estargz.md "TOCEntry"; containers/storage
 * pkg/chunked/internal/minimal FileMetadata). Pure.
 */
#ifndef STORE_LAZY_ENTRY_H
#define STORE_LAZY_ENTRY_H

#include "store/base/buf.h"
#include "store/base/digest.h"
#include "store/base/json_fields.h"
#include "store/tar/entry.h"

enum lazy_content {
	LAZY_DATA,
	LAZY_ZEROS,	/* a hole */
	LAZY_UNVERIFIED /* without a digest, or with one of another algorithm */
};

/* A stretch of a regular file. */
struct lazy_chunk {
	uint64_t at;	 /* offset in the file */
	uint64_t size;	 /* bytes; 0: up to the file's end */
	uint64_t offset; /* of its gzip member or zstd frame, in the blob */
	uint64_t inner;	 /* plain bytes of that member or frame that come before it */
	enum lazy_content content;
	struct digest sha256;
};

struct lazy_entry {
	bool
	    is_chunk; /* it is a chunk of the file before: `entry` has a path only, "" if not said */
	struct entry entry;	 /* `data`, `stored` and extents are not set */
	uint64_t end;		 /* where the file's last chunk ends in the blob; 0: not said */
	struct lazy_chunk chunk; /* the first of a regular file with content */
	bool
	    whole_digest; /* chunk.sha256 is that of the whole file: good if it has one chunk only */
	struct buf bytes; /* owned; entry points into it */
	struct xattr xattrs[ENTRY_XATTRS_MAX];
};

/*
 * Reads an object into *l, which is zeros or was used before. -EBADMSG: no writer makes such an
 * entry, or it is over a limit of store/tar/entry.h. -EOPNOTSUPP: it is legal, but cannot be shown by
 * the table alone (a name that was not UTF-8, an unknown type of chunk). The sentence names the
 * entry and the rule.
 */
int lazy_entry_take(struct lazy_entry *l, const struct json_fields *o, struct err *err);
void lazy_entry_free(struct lazy_entry *l);

#endif
