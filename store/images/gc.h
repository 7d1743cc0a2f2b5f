/* SPDX-License-Identifier: MIT */
/*
 * Deletes blobs and derived files that nothing needs. An image is needed if index.json names it,
 * with all that it leads to (entries of indexes, configs, layers; derived files of those), and so is
 * a blob that a live lease holds. Open files stay readable until they are closed. Safe beside pulls,
 * loads, pushes and readers in any process.
 */
#ifndef STORE_GC_H
#define STORE_GC_H

#include "store/disk/names.h"
#include "store/disk/store.h"

#include <stdint.h>

struct gc {
	struct names_change *names; /* removed first; their `done` tells which were there */
	size_t count;
	bool only_names; /* only removes names: their blobs go with a later run */
	bool partial;	 /* also deletes partial blobs that no writer has */
	/* Told of each blob that was deleted, under the store's lock; or NULL. */
	void (*deleted)(void *arg, const struct digest *digest, uint64_t size);
	void *arg;
	uint64_t blobs,
	    bytes; /* out: how many blobs were deleted, and their bytes, whole or in part */
};

/*
 * Removes names and deletes all that nothing needs any more, in one step under the store's lock. If
 * the disk is too full to write index.json anew, files that can be rebuilt go first. -EBADMSG,
 * -EPROTO: a document that is needed cannot be understood, so nothing is deleted. -EROFS. Whatever
 * interrupts it, the store stays valid.
 */
int gc_run(struct store *s, struct gc *gc, struct err *err);

#endif
