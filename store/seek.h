/* SPDX-License-Identifier: MIT */
/*
 * Decoding one span: the plain bytes between two seek points. Pure apart from the reads that its
 * caller provides; thread safe, as it keeps nothing.
 */
#ifndef STORE_SEEK_H
#define STORE_SEEK_H

#include "store/codec.h"

/* Exactly len compressed bytes from offset. */
typedef int (*seek_read_fn)(void *arg, void *data, size_t len, uint64_t offset, struct err *err);

struct span {
	enum compression compression;
	struct seek_point from;
	uint64_t in_end; /* the compressed bytes of the span end before this offset */
	size_t len;	 /* plain bytes */
};

/* Fills out[0..span->len). -EBADMSG: corrupt, or not that many. */
int seek_decode(const struct span *span, const void *window, seek_read_fn read, void *arg,
		void *out, struct err *err);

#endif
