/* SPDX-License-Identifier: MIT */
/*
 * The members of an image archive, in quarantine, by name. Names are as in the archive, cleaned. A
 * later member takes the place of an earlier one of its name, as in an extracted archive. Links are
 * followed within the archive only. Owns its members; not thread safe.
 */
#ifndef STORE_ARCHIVE_MEMBERS_H
#define STORE_ARCHIVE_MEMBERS_H

#include "store/archive/archive_stream.h"
#include "store/archive/quarantine.h"

#define ARCHIVE_DOCUMENT_MAX (4u << 20) /* bytes */

struct archive_members;
int archive_members_open(struct store *s, struct archive_members **out, struct err *err);

/* The sink by which an archive_stream gives its members to m, which is borrowed. -EBADMSG: a name leads
 * out of the archive, or it has more members than an archive of images. */
struct archive_sink archive_members_sink(struct archive_members *m);

/* The name of the member whose bytes are coming, or NULL. */
const char *archive_members_current(const struct archive_members *m);

/* The file at a path ("./a//b" is "a/b"), borrowed; NULL: there is none. */
struct quarantine *archive_members_find(const struct archive_members *m, const char *path);

/* Appends a document to *out. -ENOENT; -EBADMSG: it is over ARCHIVE_DOCUMENT_MAX. */
int archive_members_read(const struct archive_members *m, const char *path, struct buf *out,
			 struct err *err);

/* The memory that quarantines share (quarantine_open), borrowed: for blobs that are made beside them. */
size_t *archive_members_memory(struct archive_members *m);

void archive_members_close(struct archive_members *m);
DEFINE_AUTO(struct archive_members, archive_members_close)

#endif
