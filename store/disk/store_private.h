/* SPDX-License-Identifier: MIT */
/*
 * The inside of a store, for store.c, store_open.c, names.c, held.c and image_facts.c alone.
 */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include "store/disk/store.h"

#include <stdatomic.h>
#include <pthread.h>

struct store {
	int dirfd;		/* owned */
	int cachefd;		/* owned; the directory of derived/: a copy of dirfd, or a cache */
	char *path;		/* owned */
	struct budget *windows; /* owned; memory for decoders */
	bool trusts_referrers;	/* store_trust_referrers; set before the store is used */
	struct err readonly;	/* why the store may not be changed; code 0: it may */
	atomic_bool ending;	/* store_stop: nobody waits for the lock any more */
	atomic_bool unsynced;	/* store_unsynced */
	/* The latest snapshot of index.json, kept here by names.c. */
	pthread_mutex_t names_lock;
	void *names;			  /* under names_lock; a counted reference */
	void (*names_release)(void *arg); /* gives that reference back */
	struct err names_notice;	  /* under names_lock; for the next snapshot */
	/* Blobs that are here in part and open, by held.c. */
	pthread_mutex_t held_lock;
	struct held *held; /* under held_lock; a list; its members are owned by their openers */
	/* What is known of images, kept here by image_facts.c. */
	pthread_mutex_t facts_lock;
	void *facts;			  /* under facts_lock; owned */
	void (*facts_release)(void *arg); /* frees `facts` */
};

#endif
