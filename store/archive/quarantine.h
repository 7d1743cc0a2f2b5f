/* SPDX-License-Identifier: MIT */
/*
 * Bytes that may become a blob of the store, and nothing yet trusts them: hashed as they come, kept
 * in memory while they are few and else in a temporary file, which goes with its owner, and with a
 * process that is killed. What looks like a layer gets its index on the way; both are gone again
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

/* Of `size` bytes, or BLOB_SIZE_ANY. `memory`: bytes that all of an owner's may still keep there;
 * counted down and up again. It stays where it is as long as one of them is open. */
int quarantine_open(struct store *s, enum digest_algorithm algorithm, uint64_t size, size_t *memory,
		    struct quarantine **out, struct err *err);
int quarantine_write(struct quarantine *q, const void *data, size_t len, struct err *err);

/* All bytes are in. What is wrong with a layer is told by quarantine_layer. */
int quarantine_end(struct quarantine *q, struct err *err);

/* From then on: */
const struct digest *quarantine_digest(const struct quarantine *q);
uint64_t quarantine_size(const struct quarantine *q);

/* Appends all bytes to *out; -EFBIG over max. */
int quarantine_read(const struct quarantine *q, size_t max, struct buf *out, struct err *err);

/* Its index as a layer, made where it is not yet. -EBADMSG, -EOPNOTSUPP: it is none. */
int quarantine_layer(struct quarantine *q, struct cancel *cancel, struct layer_index **out,
		     struct err *err);

/* Makes it a blob of the store. Its bytes stay readable here only where they are in memory. */
int quarantine_publish(struct quarantine *q, struct err *err);

void quarantine_close(struct quarantine *q); /* NULL is allowed */
DEFINE_AUTO(struct quarantine, quarantine_close)

#endif
