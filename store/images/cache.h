/* SPDX-License-Identifier: MIT */
/*
 * The cache: images that nobody pulled. It has the blobs that are here in part, and the images of
 * which all names are looked_up (names.h). They may be taken away, and come again when they are
 * wanted. The least recently used go first: single slots of a blob that is here in part (held.h),
 * else a whole image with its names. Blobs that a lease holds stay.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "store/base/digest.h"
#include "store/disk/store.h"

struct cache_size {
	uint64_t held;	/* bytes on the disk of blobs that are here in part */
	uint64_t whole; /* bytes of whole layers that only looked_up images have */
};

/* cache_measure_held gives `held` alone, for the price of a look at partial/. */
int cache_measure_held(struct store *s, uint64_t *out, struct err *err);
int cache_measure(struct store *s, struct cache_size *out, struct err *err);

struct cache_trim {
	uint64_t most;	  /* the bytes that may be here; with more, the cache is trimmed */
	uint64_t down_to; /* the bytes that a trim leaves; <= most */
	/* Images go only if this says that they are not in use; it is called without a lock. NULL: no
	 * image goes, and only blobs that are here in part count. */
	bool (*in_use)(void *arg, const struct digest *image);
	void *arg;
	uint64_t gone;		  /* out: bytes that were taken away */
	struct cache_size before; /* out: the size before; without in_use `whole` is 0 */
};

/* Takes away as much as is needed, or all that may go. -EROFS: the store may not be changed. */
int cache_trim(struct store *s, struct cache_trim *t, struct err *err);

#endif
