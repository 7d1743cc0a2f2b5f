/* SPDX-License-Identifier: MIT */
/*
 * Decoded spans, of at most `bytes` in all (those in use at the moment come on top); the least
 * recently used go first. One for the process. Thread safe: who finds a span that another thread
 * is decoding waits for it, and at most as many decode side by side as there are processors; the
 * lock is not held meanwhile.
 */
#ifndef STORE_SPAN_CACHE_H
#define STORE_SPAN_CACHE_H

#include "store/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span_cache;
struct span_cache *span_cache_new(size_t bytes); /* NULL: out of memory */
void span_cache_free(struct span_cache *c);	 /* all spans must have been put back */
uint64_t span_cache_hits(const struct span_cache *c);
uint64_t span_cache_misses(const struct span_cache *c);

struct span_key {
	uint8_t layer[32];
	uint64_t number;
};

/* Decodes a span into `data`, of the length given to span_cache_get. */
typedef int (*span_fill_fn)(void *arg, void *data, struct err *err);

/* The span's data, decoded by `fill` where they are not there; they hold until span_cache_put. */
struct cached_span;
int span_cache_get(struct span_cache *c, const struct span_key *key, size_t len, span_fill_fn fill,
		   void *arg, struct cached_span **out, struct err *err);
const uint8_t *cached_span_data(const struct cached_span *s);
/* spent: nobody is likely to want it again, as it was read to its end. */
void span_cache_put(struct span_cache *c, struct cached_span *s, bool spent);

#endif
