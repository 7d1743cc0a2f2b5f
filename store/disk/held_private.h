/* SPDX-License-Identifier: MIT */
/*
 * What is inside a blob that is here in part: for held.c, which opens and closes it, and
 * held_bytes.c, which has its bytes.
 */
#ifndef STORE_HELD_PRIVATE_H
#define STORE_HELD_PRIVATE_H

#include "store/disk/blob.h"
#include "store/disk/held.h"
#include "store/disk/held_map.h"

#include <pthread.h>
#include <stdatomic.h>

#define HELD_PATH_MAX (BLOB_PATH_MAX + 40)

struct held {
	struct store *store; /* borrowed */
	struct held *next;   /* of those that are open, and */
	unsigned users;	     /* by how many: under the store's held_lock */
	struct digest digest;
	uint64_t size;
	int fd;		       /* owned, as map.fd */
	_Atomic int64_t *used; /* owned; of each slot: when it was used by this process; ms, or 0 */
	_Atomic int64_t touched;     /* when the file's time was set to that, the last time */
	atomic_uint_fast64_t losses; /* times that bytes went */
	/* Held while bytes are written, for writing while some are taken away; taken before sync_lock. */
	pthread_rwlock_t places;
	pthread_mutex_t sync_lock; /* one sync at a time; taken before `lock` */
	pthread_mutex_t lock;	   /* of all below */
	struct ranges ranges;	   /* what is here */
	struct ranges fresh;	   /* of it, what nobody has synced */
	struct ranges syncing;	   /* what is being synced, or waits for its record in the map */
	int64_t looked_ms;	   /* when it was last looked what others have */
	int64_t fresh_ms;	   /* when the first of `fresh` came */
	struct held_map map;	   /* what was read of it is in `ranges` */
};

const char *held_path(const struct digest *digest, uint64_t size, const char *suffix,
		      char path[static HELD_PATH_MAX]);

/* The file has its name still: a prune has not removed it. */
bool held_is_linked(const struct held *h, const char *suffix, int fd);

#endif
