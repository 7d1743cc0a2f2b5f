/* SPDX-License-Identifier: MIT */
/*
 * A blob of the store that is damaged, or was here and has gone, fetched again: the damaged one stays until the new one is whole. Blocks;
 * thread safe.
 */
#ifndef REGISTRY_REPAIR_H
#define REGISTRY_REPAIR_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

/* From a repository, with what the descriptor says: a document or another blob. Its mark must be set (store/disk/damage.h). */
int repair_blob(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
		struct err *err);

#endif
