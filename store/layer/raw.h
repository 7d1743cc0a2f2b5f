/* SPDX-License-Identifier: MIT */
/*
 * A blob as it is, whole, of whatever kind: any range of its bytes, verified. By the index of the layer that it is; or
 * by derived/layers/HEX.raw, which has the checks of the bytes and nothing else. Counted. Thread safe.
 */
#ifndef STORE_RAW_H
#define STORE_RAW_H

#include "store/base/buf.h"
#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/disk/store.h"

#include <stdbool.h>

struct raw;

/* -ENOENT: the store does not have the blob, or nothing that it could be verified by (raw_prepare). */
int raw_open(struct store *s, const struct digest *blob, struct raw **out, struct err *err);
struct raw *raw_get(struct raw *w);
void raw_put(struct raw *w); /* NULL is allowed */
DEFINE_AUTO(struct raw, raw_put)

/* Appends exactly len bytes from offset. -EBADMSG where they are damaged: the blob is marked (store/disk/damage.h);
 * -EIO where the disk gives an error, or the file ends early. */
int raw_read(struct raw *w, uint64_t offset, size_t len, struct buf *out, struct err *err);

/* False once it is worth opening the blob again: another file has taken its place, or what it was verified by was
 * damaged, and has been removed. */
bool raw_is_current(const struct raw *w);

/* Has the blob what it takes to open it? Else it is read through, and HEX.raw made. -ENOENT: no blob; -EBADMSG where its
 * bytes are not those of its digest. */
int raw_prepare(struct store *s, const struct digest *blob, struct cancel *cancel, struct err *err);

#endif
