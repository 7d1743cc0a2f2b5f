/* SPDX-License-Identifier: MIT */
/*
 * Bytes that may become a blob of the store, but are not trusted yet. They are hashed as they come,
 * and kept in memory if they are few, else in a temporary file, which is removed with its owner, also
 * after a kill. Bytes that look like a layer get an index on the way. Bytes and index are removed
 * unless the blob is published. One thread at a time; the store is borrowed.
 */
#ifndef STORE_QUARANTINE_H
#define STORE_QUARANTINE_H

#include "store/base/buf.h"
#include "store/base/cancel.h"
#include "store/layer/layer_index.h"
#include "store/disk/store.h"

#define QUARANTINE_SMALL (4u << 20) /* bytes of one that may be kept in memory */

struct quarantine;

/* For `size` bytes at most, or BLOB_SIZE_ANY. *memory: how many more bytes all quarantines of an owner
 * may keep in memory. It is borrowed until close: counted down when one opens, and up when it closes. */
int quarantine_open(struct store *s, enum digest_algorithm algorithm, uint64_t size, size_t *memory,
		    struct quarantine **out, struct err *err);
/* -EBADMSG: more than `size` bytes. */
int quarantine_write(struct quarantine *q, const void *data, size_t len, struct err *err);

/* All bytes are in. Bytes that are no good layer are no error here: quarantine_layer tells. */
int quarantine_end(struct quarantine *q, struct err *err);

/* All below are called after quarantine_end. */
const struct digest *quarantine_digest(const struct quarantine *q); /* borrowed */
uint64_t quarantine_size(const struct quarantine *q);		    /* bytes */

/* Appends all bytes to *out. -EFBIG: over max. */
int quarantine_read(const struct quarantine *q, size_t max, struct buf *out, struct err *err);

/* Opens the index of the layer that the bytes are, and makes it if there is none; the caller closes it.
 * -EBADMSG, -EOPNOTSUPP: they are no layer. */
int quarantine_layer(struct quarantine *q, struct cancel *cancel, struct layer_index **out,
		     struct err *err);

/* Makes the bytes a blob of the store. If they were in a file, they cannot be read here any more. */
int quarantine_publish(struct quarantine *q, struct err *err);

void quarantine_close(struct quarantine *q); /* NULL is allowed */
DEFINE_AUTO(struct quarantine, quarantine_close)

#endif
