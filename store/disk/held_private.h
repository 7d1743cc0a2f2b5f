/* SPDX-License-Identifier: MIT */
/*
 * The inside of a blob that is here in part, for held.c, which opens and closes it, and
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
	struct held *next;   /* in the list of open ones; under the store's held_lock */
	unsigned users;	     /* how many have it open; under the store's held_lock */
	struct digest digest;
	uint64_t size;
	int fd;			     /* owned, as map.fd */
	_Atomic int64_t *used;	     /* owned; when each slot was used last, in ms since 1970 */
	_Atomic int64_t touched;     /* when the file's atime was set last, in ms since 1970 */
	atomic_uint_fast64_t losses; /* times that bytes went */
	/* A writer of bytes has it for reading, and a thread that takes bytes away has it for writing. It
	 * is taken before sync_lock. */
	pthread_rwlock_t places;
	pthread_mutex_t sync_lock; /* one sync at a time; taken before `lock` */
	pthread_mutex_t lock;	   /* guards all fields below */
	struct ranges ranges;	   /* bytes that are here */
	struct ranges fresh;	   /* bytes of `ranges` that no sync has begun for */
	struct ranges syncing;	   /* bytes being synced, or waiting for their record in the map */
	int64_t looked_ms;	   /* when the map was last read for news, in ms since 1970 */
	int64_t fresh_ms;	   /* when the first of `fresh` came, as clock_ms */
	struct held_map map;	   /* what was read of it is in `ranges` */
};

const char *held_path(const struct digest *digest, uint64_t size, const char *suffix,
		      char path[static HELD_PATH_MAX]);

/* True if the file still has its name: it is not the blob by now, and no prune has removed it. */
bool held_is_linked(const struct held *h, const char *suffix, int fd);

#endif
