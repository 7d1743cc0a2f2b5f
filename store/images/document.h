/* SPDX-License-Identifier: MIT */
/*
 * A manifest, index or config of the store, by the descriptor that leads to it. Every reader checks
 * the descriptor's size, whether the document is here or comes now: else the same image would be
 * wrong the first time and right the second. Thread safe.
 */
#ifndef STORE_DOCUMENT_H
#define STORE_DOCUMENT_H

#include "store/base/buf.h"
#include "store/disk/store.h"
#include "store/oci/oci.h"

/* As blob_read(). -EBADMSG, too, if the document has another size than the descriptor says. */
int document_read(struct store *s, const struct descriptor *d, size_t max, struct buf *out,
		  struct err *err);

/* Checks the size of a document that comes from elsewhere: 0 or -EBADMSG. */
int document_check_size(const struct descriptor *d, size_t size, struct err *err);

#endif
