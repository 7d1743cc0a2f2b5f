/* SPDX-License-Identifier: MIT */
/*
 * What a load or an import will make of its quarantine: blobs, and the images that they are. It is
 * made whole before anything is published; then blobs come first, held by a lease, and all names
 * in one change. Borrows what it is given; owns the lease and the documents made for it. Not thread
 * safe.
 */
#ifndef STORE_ARCHIVE_PLAN_H
#define STORE_ARCHIVE_PLAN_H

#include "store/base/cancel.h"
#include "store/oci/oci.h"
#include "store/archive/quarantine.h"

#define ARCHIVE_UNTAGGED "localhost/untagged" /* the repository of images that have none */

struct archive_plan;
int archive_plan_open(struct store *s, size_t *memory, struct cancel *cancel,
		      struct archive_plan **out, struct err *err);

/* The blob is needed. `q`: the one that will be it, or NULL: it should be in the store, else
 * -ENOENT. */
int archive_plan_blob(struct archive_plan *p, const struct digest *digest, uint64_t size,
		      struct quarantine *q, struct err *err);

/* True where the store has it; it is held before it is looked for. */
bool archive_plan_has(struct archive_plan *p, const struct digest *digest, uint64_t size);

/* Appends a document of the store to *out; as blob_read. */
int archive_plan_read(struct archive_plan *p, const struct digest *digest, size_t max,
		      struct buf *out, struct err *err);

/* A document made here becomes a blob; sets *out (media_type is copied; the caller clears it). */
int archive_plan_document(struct archive_plan *p, const char *media_type, const struct buf *text,
			  struct descriptor *out, struct err *err);

/* A blob that is to be a layer: its index. `q` as above. -EBADMSG, -EOPNOTSUPP: it is no layer. */
int archive_plan_layer(struct archive_plan *p, const struct digest *digest, struct quarantine *q,
		       struct layer_index **out, struct err *err);

/* An image, to be named by a full reference, or not (NULL). All is copied. */
int archive_plan_image(struct archive_plan *p, const char *reference, const struct descriptor *d,
		       const struct digest *id, struct err *err);
size_t archive_plan_images(const struct archive_plan *p);

/* A descriptor of a type that is not known is passed over. What was, in words; NULL: nothing. */
void archive_plan_skip(struct archive_plan *p, const struct descriptor *d);
const char *archive_plan_skipped(const struct archive_plan *p);

/* Publishes all; nothing stays where it fails. Then tells of each image that was named. */
typedef void (*archive_plan_told)(void *arg, const char *reference, const struct digest *id);
int archive_plan_publish(struct archive_plan *p, archive_plan_told told, void *arg,
			 struct err *err);

struct cancel *archive_plan_cancel(const struct archive_plan *p);
void archive_plan_close(struct archive_plan *p); /* NULL is allowed */
DEFINE_AUTO(struct archive_plan, archive_plan_close)

#endif
