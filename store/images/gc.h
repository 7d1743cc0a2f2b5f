/* SPDX-License-Identifier: MIT */
/*
 * Deleting what nothing needs. Needed is: what index.json names, with all that it leads to (entries
 * of indexes, configs, layers; derived files of those), and what live leases hold. All else of
 * blobs/ and derived/ goes. Open files stay readable until they are closed. Safe beside pulls,
 * loads, pushes and readers in any process.
 */
#ifndef STORE_GC_H
#define STORE_GC_H

#include "store/disk/names.h"
#include "store/disk/store.h"

#include <stdint.h>

struct gc {
	struct names_change *names; /* taken away first; `done` tells which were */
	size_t count;
	bool only_names; /* nothing is deleted: what they needed goes with a later run */
	bool partial;	 /* partial blobs that no writer has go, too */
	/* Told of each blob that was deleted, under the store's lock; or NULL. */
	void (*deleted)(void *arg, const struct digest *digest, uint64_t size);
	void *arg;
	uint64_t blobs,
	    bytes; /* out: how many blobs, and the bytes of those, whole or in part: as usage.h counts */
};

/*
 * Takes names away and deletes what nothing needs any more, in one step under the store's lock.
 * Where the disk is too full to write index.json anew, room is made by what can be rebuilt. When a
 * document that is needed cannot be understood nothing is deleted: -EBADMSG, -EPROTO. Whatever
 * interrupts it, the store stays valid.
 */
int gc_run(struct store *s, struct gc *gc, struct err *err);

#endif
