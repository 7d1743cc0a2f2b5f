/* SPDX-License-Identifier: MIT */
/*
 * Fetches a blob of the store again that is damaged, or was here and has gone. The damaged one stays
 * until the new one is whole. Blocks; thread safe.
 */
#ifndef REGISTRY_REPAIR_H
#define REGISTRY_REPAIR_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

/* `d` describes a document or another blob of the repository. Its mark must be set
 * (store/disk/damage.h). */
int repair_blob(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
		struct err *err);

#endif
