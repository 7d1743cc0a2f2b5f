/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a blob, for whoever reads them in any order: all of them, as the store has them, or
 * some. A reader asks what is missing before it reads. Thread safe.
 */
#ifndef STORE_BLOB_SOURCE_H
#define STORE_BLOB_SOURCE_H

#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/base/ranges.h"
#include "store/disk/held.h"
#include "store/disk/store.h"

struct blob_source;

/* A blob that is whole: -ENOENT where the store does not have it. */
int blob_source_open(struct store *s, const struct digest *digest, struct blob_source **out,
		     struct err *err);

/* A blob that is here in part. Takes it, also where it fails. */
int blob_source_open_held(struct held *held, struct blob_source **out, struct err *err);
void blob_source_close(struct blob_source *b);
DEFINE_AUTO(struct blob_source, blob_source_close)

/* Borrowed; NULL: the blob is whole. */
struct held *blob_source_held(const struct blob_source *b);

uint64_t blob_source_size(const struct blob_source *b); /* of the whole blob */

/* Narrows *r to its first stretch that is not here. False: all of it is. */
bool blob_source_missing(const struct blob_source *b, struct byte_range *r);

/* For tables and the like: all of it is here, as far as it was known a second ago. */
bool blob_source_seen(const struct blob_source *b, struct byte_range r);

/* These bytes are used now. The file's atime tells other processes, to the second. */
void blob_source_used(struct blob_source *b, struct byte_range r);

/* They are read soon: the disk may begin. */
void blob_source_expect(const struct blob_source *b, size_t len, uint64_t offset);

/* Exactly len bytes. -ENODATA where some are missing; -EIO where the file ends early. */
int blob_source_read(const struct blob_source *b, void *data, size_t len, uint64_t offset,
		     struct err *err);

/* The file of a blob that is whole; else -1. Borrowed. */
int blob_source_whole_fd(const struct blob_source *b);

#endif
