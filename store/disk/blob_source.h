/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a blob that is here whole or in part, for reading in any order. A reader asks which
 * bytes are missing before it reads. Thread safe.
 */
#ifndef STORE_BLOB_SOURCE_H
#define STORE_BLOB_SOURCE_H

#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/base/ranges.h"
#include "store/disk/held.h"
#include "store/disk/store.h"

struct blob_source;

/* Opens a blob that is whole. -ENOENT: the store does not have it. */
int blob_source_open(struct store *s, const struct digest *digest, struct blob_source **out,
		     struct err *err);

/* Opens a blob that is here in part. Takes `held`, also on failure. */
int blob_source_open_held(struct held *held, struct blob_source **out, struct err *err);
void blob_source_close(struct blob_source *b);
DEFINE_AUTO(struct blob_source, blob_source_close)

/* Borrowed; NULL: the blob is whole. */
struct held *blob_source_held(const struct blob_source *b);

uint64_t blob_source_size(const struct blob_source *b); /* of the whole blob */

/* Narrows *r to its first stretch that is not here. False: all of *r is here. */
bool blob_source_missing(const struct blob_source *b, struct byte_range *r);

/* True if all of r is here, by what was known a second ago: for tables and the like. */
bool blob_source_seen(const struct blob_source *b, struct byte_range r);

/* Notes that these bytes are used now. Other processes see it by the file's atime, to the second. */
void blob_source_used(struct blob_source *b, struct byte_range r);

/* A hint that these bytes are read soon: the disk may begin. */
void blob_source_expect(const struct blob_source *b, size_t len, uint64_t offset);

/* Reads exactly len bytes. -ENODATA: some are missing; -EIO: the file ends early. */
int blob_source_read(const struct blob_source *b, void *data, size_t len, uint64_t offset,
		     struct err *err);

/* The file of a blob that is whole, borrowed; -1 if the blob is here in part. */
int blob_source_whole_fd(const struct blob_source *b);

#endif
