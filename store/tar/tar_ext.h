/* SPDX-License-Identifier: MIT */
/*
 * Extension headers, which describe the entry that follows them: pax records (POSIX.1-2001, "pax
 * Extended Header"; with keywords of GNU tar and star) and GNU's long names. Owns its bytes; the
 * values point into them. At most 1 MiB each, as in libarchive and Go.
 *
 * As in Go, a second pax header replaces the first, the last of several records of one keyword
 * counts, and a record with an empty value counts as absent. But an empty extended attribute is set.
 */
#ifndef STORE_TAR_EXT_H
#define STORE_TAR_EXT_H

#include "store/base/buf.h"
#include "store/tar/entry.h"
#include "store/tar/tar_sparse.h"

#define TAR_EXT_MAX (1 << 20)

struct tar_text { /* NUL-terminated, may hold other NULs; NULL: not given */
	char *data;
	size_t len;
};

struct tar_ext {
	bool any;	       /* an extension header stands before the entry */
	struct buf pax;	       /* records as read; taken apart in place */
	struct buf name, link; /* of 'L' and 'K' headers */
	struct tar_text path, linkpath, sparse_name;
	bool has_size, has_uid, has_gid, has_mtime;
	int64_t size, uid, gid, mtime;
	uint32_t mtime_ns;
	bool sparse;	 /* it is sparse, in any of the four ways */
	bool sparse_1_0; /* sparse 1.0: the map stands in front of the data */
	bool has_real_size;
	int64_t real_size;     /* of a sparse file, holes included */
	struct tar_sparse map; /* whole, except for 1.0 and old GNU, whose blocks are yet to come */
	struct xattr xattrs[ENTRY_XATTRS_MAX];
	uint32_t xattr_count;
};

void tar_ext_reset(struct tar_ext *x); /* nothing said; memory kept */
void tar_ext_free(struct tar_ext *x);

/* Takes the records in x->pax apart. -EBADMSG: malformed, or over a limit of store/tar/entry.h. */
int tar_ext_pax(struct tar_ext *x, struct err *err);

/* tar_ext_is_xattr: whether a record is that of an extended attribute. tar_ext_xattr adds that
 * attribute, which points into key and value; -EBADMSG as above. */
bool tar_ext_is_xattr(const char *key, size_t len);
int tar_ext_xattr(struct tar_ext *x, const char *key, struct tar_text value, struct err *err);

#endif
