/* SPDX-License-Identifier: MIT */
/*
 * What is inside a store, for store.c, names.c, held.c and image_facts.c alone.
 */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include "store/disk/store.h"

#include <stdatomic.h>
#include <pthread.h>

struct store {
	int dirfd;		/* owned */
	int cachefd;		/* owned, as dirfd or apart from it: what derived/ lies below */
	char *path;		/* owned */
	struct budget *windows; /* owned; memory for decoders */
	bool trusts_referrers;	/* set before it is used */
	struct err readonly;	/* why nothing may be changed; its code is 0 where it may */
	atomic_bool ending;	/* nobody waits for its lock any more */
	atomic_bool unsynced;	/* store_unsynced */
	/* The latest snapshot of index.json, kept here by names.c. */
	pthread_mutex_t names_lock;
	void *names;			  /* under names_lock; a counted reference */
	void (*names_release)(void *arg); /* gives that reference back */
	struct err names_notice;	  /* under names_lock: of the next snapshot */
	/* Blobs that are here in part and open, by held.c. */
	pthread_mutex_t held_lock;
	struct held *held; /* under held_lock; a list, owned by who has them open */
	/* What is known of images, kept here by image_facts.c. */
	pthread_mutex_t facts_lock;
	void *facts;			  /* under facts_lock; owned */
	void (*facts_release)(void *arg); /* frees that */
};

#endif
