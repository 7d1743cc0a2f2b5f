/* SPDX-License-Identifier: MIT */
/*
 * Deleting what nothing needs. Needed is: what index.json names, with all that it leads to (entries
 * of indexes, configs, layers; derived files of those), and what live leases hold. All else of
 * blobs/ and derived/ goes, and partial blobs that no writer has. Open files stay readable until
 * they are closed. Safe beside pulls, loads, pushes and readers in any process.
 */
#ifndef STORE_GC_H
#define STORE_GC_H

#include "store/names.h"
#include "store/store.h"

#include <stdint.h>

struct gc_report {
	uint64_t blobs, bytes; /* deleted: blobs, and bytes of all files */
	/* Each blob that was deleted, or NULL. Called under the store's lock. */
	void (*deleted)(void *arg, const struct digest *digest, uint64_t size);
	void *arg;
};

/* Takes names away and deletes what nothing needs any more, in one step under the store's lock. A
 * name whose descriptor is no longer the given one stays (it was moved meanwhile). `removed[i]` says
 * what became of names[i]; NULL is allowed. count 0: only the deleting. An interrupted or failed
 * deletion leaves a valid store. */
int gc_remove(struct store *s, const struct name *names, size_t count, bool *removed,
	      struct gc_report *report, struct err *err);

#endif
