/* SPDX-License-Identifier: MIT */
/*
 * A layer that was read by its table has become whole: does the table say what the archive says?
 * The manifest vouches for both, but nobody has looked at the one beside the other. Blocks; thread
 * safe.
 */
#ifndef STORE_LAZY_AGREE_H
#define STORE_LAZY_AGREE_H

#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/disk/store.h"

/* The blob and both of its indexes are in the store. Entry by entry, in their order, with all of
 * their content; eStargz' own files are left out, and times are compared as exactly as the table has
 * them. -EBADMSG: they differ; the sentence names the entry. */
int lazy_agree(struct store *s, const struct digest *blob, struct cancel *cancel, struct err *err);

#endif
