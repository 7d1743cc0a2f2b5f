/* SPDX-License-Identifier: MIT */
/*
 * What is inside a store, for store.c and names.c alone.
 */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include "store/store.h"

#include <pthread.h>

struct store {
	int dirfd;	     /* owned */
	int cachefd;	     /* owned, as dirfd or apart from it: what derived/ lies below */
	char *path;	     /* owned */
	struct err readonly; /* why nothing may be changed; its code is 0 where it may */
	/* The latest snapshot of index.json, kept here by names.c. */
	pthread_mutex_t names_lock;
	void *names;			  /* under names_lock; a counted reference */
	void (*names_release)(void *arg); /* gives that reference back */
};

#endif
