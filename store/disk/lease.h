/* SPDX-License-Identifier: MIT */
/*
 * Leases: what is being worked with and is not (or no longer) named in index.json. A blob that a
 * live lease holds is not deleted, in no process. A lease is a file leases/XXXXXX below the store,
 * one digest a line, locked by its owner: it dies with its holder, and a dead one is swept.
 *
 * The rule for whoever relies on a blob that no name needs yet: lease first, then look whether it
 * is there. Thread safe. In a store that may only be read nothing is deleted, so that a lease there
 * is empty.
 */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/disk/store.h"

struct lease;
int lease_open(struct store *s, struct lease **out, struct err *err);

/* Holds these blobs too, from now on; waits for a deletion that is under way. */
int lease_add(struct lease *l, const struct digest *digests, size_t count, struct err *err);

/* Lets go of all. NULL is allowed. */
void lease_close(struct lease *l);
DEFINE_AUTO(struct lease, lease_close)

/* Calls each for what live leases hold, and removes dead ones. Under the store's lock, so that none
 * grows meanwhile. */
int lease_each(struct store *s, int (*each)(void *arg, const struct digest *d, struct err *err),
	       void *arg, struct err *err);

#endif
