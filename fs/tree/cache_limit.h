/* SPDX-License-Identifier: MIT */
/*
 * -o cache_max=SIZE: images that nobody pulled (store/images/cache.h) have at most so many bytes here,
 * also while more come. Thread safe.
 */
#ifndef FS_CACHE_LIMIT_H
#define FS_CACHE_LIMIT_H

#include "fs/core/fs.h"
#include "store/base/mem.h"

struct cache_limit;
/* `in_use` is that of in_use.h, which this cannot include. */
int cache_limit_open(struct fs *fs, uint64_t max,
		     int (*in_use)(struct fs *fs, const struct digest *image, bool locked,
				   struct err *err),
		     struct cache_limit **out, struct err *err);
void cache_limit_close(struct cache_limit *c); /* NULL is allowed */

/* Where there is no limit, c is NULL: the functions below do nothing, and everything fits. */

/* So many bytes of a blob come next: removes other bytes where that is needed. Blocks. */
int cache_limit_take(struct cache_limit *c, uint64_t bytes, struct err *err);
void cache_limit_give(struct cache_limit *c, uint64_t bytes); /* they have come, or will not */

/* True where so many more bytes would fit, with nothing removed for them. */
bool cache_limit_fits(struct cache_limit *c, uint64_t bytes);

/* Layers came whole, or the mount begins: starts a job that removes images where it must. */
void cache_limit_look(struct cache_limit *c);

/* How many bytes are fetched at once at most; 256 KiB or more. */
uint64_t cache_limit_window(const struct cache_limit *c);

#endif
