/* SPDX-License-Identifier: MIT */
/*
 * Any range of the bytes of a whole blob of any kind, as they are, verified. A layer is verified by
 * its index, another blob by derived/layers/HEX.raw, which has only checks of the bytes. Counted.
 * Thread safe.
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

/* -ENOENT: the store lacks the blob, or checks of it (raw_prepare). -EBADMSG: its size has changed. */
int raw_open(struct store *s, const struct digest *blob, struct raw **out, struct err *err);
struct raw *raw_get(struct raw *w);
void raw_put(struct raw *w); /* NULL is allowed */
DEFINE_AUTO(struct raw, raw_put)

/* Appends exactly len bytes from offset, which lie within the blob. -EBADMSG: they are damaged, and the
 * blob is marked (store/disk/damage.h); -EIO: the disk gives an error, or the file ends early. */
int raw_read(struct raw *w, uint64_t offset, size_t len, struct buf *out, struct err *err);

/* False: the blob is to be opened again. Another file has taken its place, or its index was damaged and
 * has been removed. */
bool raw_is_current(const struct raw *w);

/* Makes sure that the blob has checks, so that raw_open can open it: if not, reads all of it and makes
 * HEX.raw. -ENOENT: no blob; -EBADMSG: its bytes have another digest. */
int raw_prepare(struct store *s, const struct digest *blob, struct cancel *cancel, struct err *err);

#endif
