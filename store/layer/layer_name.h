/* SPDX-License-Identifier: MIT */
/*
 * A layer, and the index by which it is read: the one made from its bytes, or one from a table of
 * contents. Both may be there. Their trees differ, as content lies elsewhere.
 *
 * A table is trusted for an image whose manifest vouches for it by a digest, and for no other that
 * names the same blob: nobody has seen what the blob really is.
 */
#ifndef STORE_LAYER_NAME_H
#define STORE_LAYER_NAME_H

#include "store/layer/layer_format.h"
#include "store/layer/layer_index.h"
#include "store/disk/store.h"

/* The digests by which a manifest vouches for tables of one of its layers; 0: it names none. */
struct layer_vouchers {
	uint8_t table[LAYER_VOUCHER]; /* the digest of its table (eStargz, zstd:chunked) */
	uint8_t soci[LAYER_VOUCHER];  /* the digest of a SOCI index that has its zTOC */
};

struct layer_name {
	struct digest blob;
	struct layer_vouchers vouchers;
	enum layer_check check;
};

/* How the layer is read now: by a table if the store has one that these vouchers name, or one without
 * a voucher (LAYER_CHECK_REFERRED) if store_trusts_referrers; else by the index of its bytes. */
struct layer_name layer_name_of(struct store *s, const struct digest *blob,
				const struct layer_vouchers *vouchers);

/* Decides it again, as indexes may have come or gone. */
void layer_name_renew(struct store *s, struct layer_name *name);

/* The digest that vouches for the index by which the layer is read: LAYER_VOUCHER bytes, borrowed from
 * the name; all 0 for an index that needs none. */
const uint8_t *layer_name_voucher(const struct layer_name *name);

/* Opens the index by which the layer is read. -ENOENT, too, if another voucher names the one there. */
int layer_name_index(struct store *s, const struct layer_name *name, struct layer_index **out,
		     struct err *err);

/* Finds any table of the blob that the store has, whoever vouches for it. False: there is none. */
bool layer_name_any_table(struct store *s, const struct digest *blob, struct layer_name *out);

/* Removes the tables of a layer that is here whole, with the index of its bytes. It is read by that from
 * now on; handles that are open go on with the table. */
void layer_name_drop_table(struct store *s, const struct digest *blob);

#endif
