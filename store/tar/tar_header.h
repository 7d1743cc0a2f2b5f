/* SPDX-License-Identifier: MIT */
/*
 * One 512-byte header block of a tar archive, decoded: v7, ustar (POSIX.1-1988 and, for pax,
 * POSIX.1-2001 "ustar Interchange Format"), star and GNU. Pure values, no allocation. The parser
 * (store/tar/tar.h) decides what the numbers mean, and which of them are too large.
 */
#ifndef STORE_TAR_HEADER_H
#define STORE_TAR_HEADER_H

#include "store/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK	 512
#define TAR_HEADER_NAME	 (155 + 1 + 100)
#define TAR_HEADER_LINK	 100
#define TAR_GNU_SPARSE	 386 /* offset of the sparse map in a GNU header */
#define TAR_GNU_EXTENDED 482 /* not 0: blocks with more of the map follow */
#define TAR_GNU_REALSIZE 483 /* size of the file, holes included */

enum tar_format { TAR_V7, TAR_USTAR, TAR_STAR, TAR_GNU };

struct tar_header {
	enum tar_format format;
	char type; /* typeflag, as it stands there */
	size_t name_len, link_len;
	int64_t mode, uid, gid, size, mtime, dev_major, dev_minor;
	char name[TAR_HEADER_NAME + 1]; /* with the prefix, NUL-terminated */
	char link[TAR_HEADER_LINK + 1];
};

/* -EBADMSG: the checksum is wrong (signed and unsigned sums both count), or a number is
 * malformed. */
int tar_header_parse(const uint8_t block[static TAR_BLOCK], struct tar_header *out,
		     struct err *err);

bool tar_header_is_zero(const uint8_t block[static TAR_BLOCK]);

/* Reads a numeric field: octal with blanks or NULs around it (all blank: 0), or base-256 in two's
 * complement. False: malformed, or beyond int64_t. */
bool tar_header_number(const uint8_t *field, size_t len, int64_t *out);

#endif
