/* SPDX-License-Identifier: MIT */
/*
 * One entry of a layer's archive, as the tar parser or a table of contents has it and the layer's
 * index keeps it. A plain value: the pointers belong to the parser or reader that filled it, and
 * hold until its next step.
 */
#ifndef STORE_ENTRY_H
#define STORE_ENTRY_H

#include "store/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ENTRY_PATH_MAX	 4096
#define ENTRY_NAME_MAX	 255 /* a component; longer ones never reach the kernel */
#define ENTRY_DEPTH_MAX	 1024
#define ENTRY_XATTRS_MAX 128
#define ENTRY_XATTR_MAX	 65536 /* bytes of a value */

struct xattr {
	const char *name; /* NUL-terminated, at most 255 bytes */
	const void *value;
	uint32_t size;
};

struct extent {		 /* of a sparse file: bytes that are stored; others read as zeros */
	uint64_t offset; /* in the file */
	uint64_t length;
};

struct entry {
	const char
	    *path; /* as stored, cleaned: no leading "/" or "./", no trailing "/", no empty or "."
		     component; "" is the root. ".." components are left to the merger */
	size_t path_len;
	const char
	    *link; /* symlink target verbatim, or hard link path cleaned as above; "" for others */
	size_t link_len;
	uint32_t mode; /* type and permission bits, as in st_mode; a hard link has S_IFMT bits 0 */
	uint32_t uid, gid;
	uint64_t size; /* of the content as read(2) gives it */
	int64_t mtime;
	uint32_t mtime_ns;
	uint32_t dev_major, dev_minor;
	uint64_t data;	 /* offset of its stored bytes in the uncompressed archive */
	uint64_t stored; /* how many bytes are stored; size unless sparse */
	const struct extent
	    *extents;	       /* sparse map, ascending and disjoint, sum of lengths == stored */
	uint32_t extent_count; /* 0: not sparse (a sparse file without data has one of length 0) */
	const struct xattr *xattrs;
	uint32_t xattr_count;
};

/* Cleans a path in place as entry.path is: removes slashes at both ends, empty components and ".".
 * Returns the new length, and sets a NUL behind it, for which path[len] must be there. */
size_t entry_clean_path(char *path, size_t len);

/* Checks a cleaned path, with a NUL behind it, against the limits above. -EBADMSG: it is over one; the
 * sentence begins with `what`. */
int entry_check_path(const char *path, size_t len, const char *what, struct err *err);

#endif
