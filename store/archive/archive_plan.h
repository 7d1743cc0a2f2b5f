/* SPDX-License-Identifier: MIT */
/*
 * The plan of a load or an import: the blobs and the images that it will make of its quarantine. The
 * plan is whole before anything is published. Then the blobs are published, held by a lease, and all
 * names are set in one change. Borrows what it is given; owns the lease and the documents that are
 * made for it. Not thread safe.
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

/* Adds a blob that is needed. `q` will become it: -EBADMSG if digest or size differ. With q NULL the
 * store has to have it, else -ENOENT. */
int archive_plan_blob(struct archive_plan *p, const struct digest *digest, uint64_t size,
		      struct quarantine *q, struct err *err);

/* True if the store has the blob. It is held from now on. */
bool archive_plan_has(struct archive_plan *p, const struct digest *digest, uint64_t size);

/* Appends a document of the store to *out, as blob_read. */
int archive_plan_read(struct archive_plan *p, const struct digest *digest, size_t max,
		      struct buf *out, struct err *err);

/* Adds a document that was made here. Sets *out, which the caller clears. All is copied. */
int archive_plan_document(struct archive_plan *p, const char *media_type, const struct buf *text,
			  struct descriptor *out, struct err *err);

/* Gives the index of a blob that is to be a layer; the caller closes it. `q` as in archive_plan_blob.
 * -EBADMSG, -EOPNOTSUPP: it is no layer. */
int archive_plan_layer(struct archive_plan *p, const struct digest *digest, struct quarantine *q,
		       struct layer_index **out, struct err *err);

/* Adds an image with a full reference; NULL: it will have none, and dangle. All is copied. */
int archive_plan_image(struct archive_plan *p, const char *reference, const struct descriptor *d,
		       const struct digest *id, struct err *err);
size_t archive_plan_images(const struct archive_plan *p);

/* Notes that a descriptor of an unknown type is passed over. archive_plan_skipped: a sentence about all
 * of them, borrowed; NULL: there was none. */
void archive_plan_skip(struct archive_plan *p, const struct descriptor *d);
const char *archive_plan_skipped(const struct archive_plan *p);

/* Publishes all, then tells of each image (reference NULL: it has none). On failure nothing stays. */
typedef void (*archive_plan_told)(void *arg, const char *reference, const struct digest *id);
int archive_plan_publish(struct archive_plan *p, archive_plan_told told, void *arg,
			 struct err *err);

struct cancel *archive_plan_cancel(const struct archive_plan *p);
void archive_plan_close(struct archive_plan *p); /* NULL is allowed */
DEFINE_AUTO(struct archive_plan, archive_plan_close)

#endif
