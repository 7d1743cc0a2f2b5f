/* SPDX-License-Identifier: MIT */
/*
 * The steps of pull_manifest (registry/transfer/pull.h), for pull_image, which moves the tag only
 * when the layers are there as well; and the documents of an image that has no name of its own.
 * Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_MANIFEST_H
#define REGISTRY_PULL_MANIFEST_H

#include "registry/transfer/pull.h"

/* Fetches the documents that the store lacks and sets *top, which the caller clears. *unchanged:
 * the store has recorded this for the reference already. */
int pull_manifest_documents(const struct transfer *t, const struct ref *ref, struct descriptor *top,
			    bool *unchanged, struct err *err);

/* True where the store has the reference's name for `top`, and it was pulled, not only looked up. */
bool pull_manifest_is_recorded(const struct transfer *t, const struct ref *ref,
			       const struct descriptor *top);

/* Appends the document that a descriptor names to *body: the store's, else that of the repository. */
int pull_manifest_document(const struct transfer *t, const struct ref *repository,
			   const struct descriptor *d, struct buf *body, struct err *err);

/* Records the reference's name: its tag, or where it has none "repository@digest". `looked_up`: it
 * was not pulled (store/disk/names.h). */
int pull_manifest_record(const struct transfer *t, const struct ref *ref,
			 const struct descriptor *top, bool looked_up, struct err *err);

/* Fetches what is missing of one image whose manifest's descriptor is known (the platform's manifest in
 * an index, the config), from `repository`. For digests that the tree leads to. */
int pull_manifest_by_descriptor(const struct transfer *t, const struct ref *repository,
				const struct descriptor *d, struct err *err);

#endif
