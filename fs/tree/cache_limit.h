/* SPDX-License-Identifier: MIT */
/*
 * -o cache_max=SIZE: what is here of images that nobody pulled (store/images/cache.h) stays below
 * that, also while it comes. Thread safe.
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

/* Where there is no limit, c is NULL, and these do nothing. */

/* So many bytes of a blob come next, in part: others go, if need be. Blocks. */
int cache_limit_take(struct cache_limit *c, uint64_t bytes, struct err *err);
void cache_limit_give(struct cache_limit *c, uint64_t bytes); /* they have come, or do not */

/* So many more would fit, with nothing going for them. */
bool cache_limit_fits(struct cache_limit *c, uint64_t bytes);

/* Layers came whole, or the mount begins: a job looks whether images have to go. */
void cache_limit_look(struct cache_limit *c);

/* Bytes that are fetched at once at most. */
uint64_t cache_limit_window(const struct cache_limit *c);

#endif
