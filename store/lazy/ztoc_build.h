/* SPDX-License-Identifier: MIT */
/*
 * Builds a layer's index from its zTOC (store/lazy/ztoc.h) and publishes it as derived/layers/HEX.ztoc
 * or HEX.referred. The index has the whole archive, span by span, with the windows of the zTOC;
 * entries have the offsets that they have in the archive. Blocks; thread safe.
 */
#ifndef STORE_ZTOC_BUILD_H
#define STORE_ZTOC_BUILD_H

#include "store/base/cancel.h"
#include "store/disk/store.h"
#include "store/layer/layer_format.h"
#include "store/oci/oci.h"

/* data: the `len` bytes of a zTOC, whose digest was verified. kind: LAYER_CHECK_PACKED with the digest
 * that vouches for it, or LAYER_CHECK_REFERRED with voucher NULL. -EBADMSG and -EOPNOTSUPP as lazy.h has
 * them; then nothing is published. */
int ztoc_build(struct store *s, const void *data, size_t len, const struct descriptor *layer,
	       const struct digest *diff_id, enum layer_check kind, const struct digest *voucher,
	       struct cancel *cancel, struct err *err);

#endif
