/* SPDX-License-Identifier: MIT */
/*
 * A layer as it is read: by the index that was made from its bytes, or by one from a table of
 * contents. Both may be there. Trees of the two are not the same, as content lies elsewhere.
 *
 * A table is trusted for an image whose manifest vouches for it by a digest, and for no other that
 * names the same blob: nobody has seen what the blob really is.
 */
#ifndef STORE_LAYER_NAME_H
#define STORE_LAYER_NAME_H

#include "store/layer/layer_format.h"
#include "store/layer/layer_index.h"
#include "store/disk/store.h"

/* What a manifest vouches for, for a layer of it; 0: nothing. */
struct layer_vouchers {
	uint8_t table[LAYER_VOUCHER]; /* the digest of its table (eStargz, zstd:chunked) */
	uint8_t soci[LAYER_VOUCHER];  /* the digest of a SOCI index that has its zTOC */
};

struct layer_name {
	struct digest blob;
	struct layer_vouchers vouchers;
	enum layer_check check;
};

/* How it is read now: by a table as long as the store has one that it may be read by; by one that
 * nobody vouches for only where the store's user trusts these. */
struct layer_name layer_name_of(struct store *s, const struct digest *blob,
				const struct layer_vouchers *vouchers);

/* The same, with what has come or gone since. */
void layer_name_renew(struct store *s, struct layer_name *name);

/* What vouches for the index by which it is read: LAYER_VOUCHER bytes, which are 0 for one that needs
 * nobody. */
const uint8_t *layer_name_voucher(const struct layer_name *name);

/* The index by which it is read. -ENOENT also where there is one that others vouch for. */
int layer_name_index(struct store *s, const struct layer_name *name, struct layer_index **out,
		     struct err *err);

/* A table of the blob that the store has, whoever vouches for it. False: none. */
bool layer_name_any_table(struct store *s, const struct digest *blob, struct layer_name *out);

/* The layer is here whole, with the index of its bytes: it is read by that from now on, but by who
 * has it open. */
void layer_name_drop_table(struct store *s, const struct digest *blob);

#endif
