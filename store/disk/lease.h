/* SPDX-License-Identifier: MIT */
/*
 * Leases hold blobs that are being worked with and are not (or no longer) named in index.json. No
 * process deletes a blob that a live lease holds. A lease is a file leases/HEX (16 random digits)
 * with one digest a line. Its owner has it locked: so it dies with its process, and lease_each
 * removes dead ones.
 *
 * The rule for code that relies on a blob without a name: take it into a lease first, then look
 * whether it is there. Thread safe. Nothing is deleted in a store that may only be read, so a lease
 * has no file there.
 */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/disk/store.h"

struct lease;
int lease_open(struct store *s, struct lease **out, struct err *err);

/* Holds these blobs, too: all, or on failure none. Waits for a deletion that is under way. */
int lease_add(struct lease *l, const struct digest *digests, size_t count, struct err *err);

/* Lets go of all. NULL is allowed. */
void lease_close(struct lease *l);
DEFINE_AUTO(struct lease, lease_close)

/* Calls `each` for each digest that live leases hold, until a call returns something other than 0.
 * Removes dead leases. The caller has the store's lock, so that no lease grows meanwhile. */
int lease_each(struct store *s, int (*each)(void *arg, const struct digest *d, struct err *err),
	       void *arg, struct err *err);

#endif
