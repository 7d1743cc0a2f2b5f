/* SPDX-License-Identifier: MIT */
/*
 * The map of a sparse file, from the four ways in which GNU tar writes it (GNU tar manual, "Storing
 * Sparse Files"): in the header and blocks behind it (old GNU), as pairs of pax records (0.0), in
 * one pax record (0.1), and as text in front of the data (1.0). The file owns its extents; pure.
 * A map may take 1 MiB of the archive, as in Go.
 */
#ifndef STORE_TAR_SPARSE_H
#define STORE_TAR_SPARSE_H

#include "store/base/buf.h"
#include "store/tar/entry.h"
#include "store/base/err.h"
#include "store/tar/tar_header.h"

#include <stdbool.h>

#define TAR_SPARSE_MAX (1 << 20) /* bytes of the archive that a map may take */

struct tar_sparse {
	struct extent *extents; /* owned */
	uint32_t count, cap;
	struct buf text;     /* of a 1.0 map: its blocks so far */
	uint64_t lines;	     /* lines in text */
	uint64_t want;	     /* lines that make the map whole; 0: not known yet */
	uint32_t map_blocks; /* blocks of an old GNU map so far */
};

void tar_sparse_reset(struct tar_sparse *s); /* empty, memory kept */
void tar_sparse_free(struct tar_sparse *s);

/* Appends an extent. -EBADMSG: a number is negative, or they overflow. */
int tar_sparse_add(struct tar_sparse *s, int64_t offset, int64_t length, struct err *err);

/* 0.1: "offset,length,offset,length,…". -EBADMSG: malformed, also in all that follow. */
int tar_sparse_add_list(struct tar_sparse *s, const char *text, struct err *err);

/* The functions that add a block return one of these: the map is whole, or another block follows. */
enum { TAR_SPARSE_WHOLE = 0, TAR_SPARSE_MORE = 1 };

/* Old GNU: the map in a header, or in a block behind it. */
int tar_sparse_add_header(struct tar_sparse *s, const uint8_t block[static TAR_BLOCK],
			  struct err *err);
int tar_sparse_add_block(struct tar_sparse *s, const uint8_t block[static TAR_BLOCK],
			 struct err *err);

/* 1.0: the next block in front of the data. */
int tar_sparse_add_text(struct tar_sparse *s, const uint8_t block[static TAR_BLOCK],
			struct err *err);

/*
 * Checks the whole map. -EBADMSG: it is not ascending and disjoint, goes beyond the file's size, or
 * has not as many bytes as are stored. Extents that touch are joined and empty ones dropped. If none
 * is left, one of length 0 stays (see struct entry).
 */
int tar_sparse_finish(struct tar_sparse *s, uint64_t size, uint64_t stored, struct err *err);

/* Reads a decimal number as Go's ParseInt takes it (a sign is allowed), up to the character `end`.
 * Returns the text behind that; NULL: malformed, or beyond int64_t. */
const char *tar_sparse_number(const char *text, char end, int64_t *out);

#endif
