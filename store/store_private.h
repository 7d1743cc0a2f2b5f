/* SPDX-License-Identifier: MIT */
/*
 * What is inside a store, for store.c and names.c alone.
 */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include "store/store.h"

#include <pthread.h>

struct store {
	int dirfd;  /* owned */
	char *path; /* owned */
	/* The latest snapshot of index.json, kept here by names.c. */
	pthread_mutex_t names_lock;
	void *names;			  /* under names_lock; a counted reference */
	void (*names_release)(void *arg); /* gives that reference back */
};

#endif
