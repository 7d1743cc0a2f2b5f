/* SPDX-License-Identifier: MIT */
/*
 * Blobs that are files of their own: those of artifacts, and small ones that are only looked at.
 * Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_BLOB_H
#define REGISTRY_PULL_BLOB_H

#include "registry/transfer/pull.h"

/* Into the store, where it is missing; what is held of it is resumed. */
int pull_blob(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
	      struct err *err);

/* All blobs of an artifact's manifest but foreign ones that the registry does not have, one after the other, with docker's
 * lines. */
int pull_blob_all(const struct transfer *t, const struct ref *repository, const struct manifest *m,
		  struct err *err);

/* A blob of at most `max` bytes, whole and verified, appended to *out: the store's, else the
 * registry's, which is not kept. -EPROTO where it is larger. */
int pull_blob_small(const struct transfer *t, const struct ref *repository,
		    const struct descriptor *d, size_t max, struct buf *out, struct err *err);

#endif
