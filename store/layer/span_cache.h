/* SPDX-License-Identifier: MIT */
/*
 * Decoded spans, at most `bytes` in all (spans in use may exceed that); the least recently used go
 * first. A span is decoded as far as a reader wants it, and further when one wants more. One cache
 * for the process. Thread safe.
 *
 * A span is decoded by one thread at a time. Other threads that want it wait until the bytes that
 * they need are there. At most (processors + 1) threads decode at the same time, first come, first
 * served. The lock is not held while decoding.
 */
#ifndef STORE_SPAN_CACHE_H
#define STORE_SPAN_CACHE_H

#include "store/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct span_cache;
struct span_cache *span_cache_new(size_t bytes); /* NULL: out of memory */
void span_cache_free(struct span_cache *c);	 /* all spans must have been put back */
uint64_t span_cache_hits(const struct span_cache *c);
uint64_t span_cache_misses(const struct span_cache *c); /* spans begun */

struct span_key {
	uint8_t layer[32];
	uint64_t index; /* layer_index_checksum: an index that is made again may have other spans */
	uint64_t number;
	uint64_t len; /* plain bytes */
};

/* How a span is decoded. */
struct span_ops {
	/* Goes on decoding until data[0..wanted) are right; returns how many are, or -errno. *state is
	 * the decoder's own, and NULL at first. */
	ssize_t (*fill)(void *arg, void **state, void *data, size_t wanted, struct err *err);
	void (*end)(void *state); /* frees it */
};

/* Gives a span of which [0, wanted) are there; wanted <= key->len. Its data hold until span_cache_put.
 * `arg` goes to ops->fill, whose error is the result, and is used during this call only. *begun: the
 * span was not in the cache before. */
struct cached_span;
int span_cache_get(struct span_cache *c, const struct span_key *key, size_t wanted,
		   const struct span_ops *ops, void *arg, struct cached_span **out, bool *begun,
		   struct err *err);
const uint8_t *cached_span_data(const struct cached_span *s);

/* spent: the span was read to its end, so it is the first to go. */
void span_cache_put(struct span_cache *c, struct cached_span *s, bool spent);

#endif
