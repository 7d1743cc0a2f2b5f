/* SPDX-License-Identifier: MIT */
/*
 * A layer as it is read: by the index that was made from its bytes, or by one from a table of
 * contents. Both may be there. Trees of the two are not the same, as content lies elsewhere.
 */
#ifndef STORE_LAYER_NAME_H
#define STORE_LAYER_NAME_H

#include "store/layer/layer_format.h"
#include "store/disk/store.h"

struct layer_name {
	struct digest blob;
	enum layer_check check;
};

/* How it is read now: by its table as long as the store has one, the one that its manifest vouches for
 * first; by one that nobody vouches for only where the store's user trusts these. */
struct layer_name layer_name_of(struct store *s, const struct digest *blob);

/* The layer is here whole, with the index of its bytes: it is read by that from now on, but by who
 * has it open. */
void layer_name_drop_table(struct store *s, const struct digest *blob);

#endif
