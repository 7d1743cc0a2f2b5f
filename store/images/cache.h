/* SPDX-License-Identifier: MIT */
/*
 * What is here of images that nobody pulled: blobs that are here in part, and images of which all
 * names came by a look (names.h, looked_up). It may go, and comes again when it is wanted. What was
 * used least recently goes first: of a blob that is here in part its slots (held.h), of others the
 * image as a whole, with its names. What a lease holds stays.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "store/base/digest.h"
#include "store/disk/store.h"

struct cache_size {
	uint64_t held;	/* bytes on the disk of what is here in part */
	uint64_t whole; /* bytes of whole layers that only images have that were looked up */
};

/* The first alone, for the price of a look at partial/. */
int cache_measure_held(struct store *s, uint64_t *out, struct err *err);
int cache_measure(struct store *s, struct cache_size *out, struct err *err);

struct cache_trim {
	uint64_t most;	  /* bytes that may be here; if there are more, */
	uint64_t down_to; /* so much of it goes that these are left */
	/* Images may go, but those in use; called without a lock. NULL: only what is here in part
	 * counts, and goes. */
	bool (*in_use)(void *arg, const struct digest *image);
	void *arg;
	uint64_t gone;		  /* out: bytes */
	struct cache_size before; /* out: what there was; without in_use not `whole` */
};

/* Takes so much away, or all that may go. */
int cache_trim(struct store *s, struct cache_trim *t, struct err *err);

#endif
