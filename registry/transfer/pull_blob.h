/* SPDX-License-Identifier: MIT */
/*
 * Blobs that are files of their own: those of artifacts, and small ones that are only looked at.
 * Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_BLOB_H
#define REGISTRY_PULL_BLOB_H

#include "registry/transfer/pull.h"

/* Fetches a blob into the store, where it is missing; goes on from what is held of it. */
int pull_blob(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
	      struct err *err);

/* Fetches all blobs of an artifact's manifest, one after the other, with docker's lines. Foreign ones
 * that the registry does not have are left out. */
int pull_blob_all(const struct transfer *t, const struct ref *repository, const struct manifest *m,
		  struct err *err);

/* Appends a blob of at most `max` bytes to *out, whole and verified: the store's, else the registry's,
 * which is not kept. -EPROTO where it is larger. */
int pull_blob_small(const struct transfer *t, const struct ref *repository,
		    const struct descriptor *d, size_t max, struct buf *out, struct err *err);

#endif
