/* SPDX-License-Identifier: MIT */
/*
 * When a layer that was read by its table has become whole, the table is compared with the archive.
 * The manifest vouches for both, but nobody has compared them before. Blocks; thread safe.
 */
#ifndef STORE_LAZY_AGREE_H
#define STORE_LAZY_AGREE_H

#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/disk/store.h"

/* Compares entry by entry, in their order, with all content; the store has the blob and both of its
 * indexes. eStargz' own files are left out. Times are compared as exactly as the table has them.
 * -EBADMSG: they differ, and the sentence names the entry. -ENOENT: there is no table. */
int lazy_agree(struct store *s, const struct digest *blob, struct cancel *cancel, struct err *err);

#endif
