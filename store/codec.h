/* SPDX-License-Identifier: MIT */
/*
 * Compression of layers: none, gzip (RFC 1952, several members too) and zstd (RFC 8878). A codec
 * takes a compressed stream in pieces, gives the plain bytes, and notes seek points: places from
 * which decoding can start again later (random reads decode one span, not the archive from its
 * start).
 */
#ifndef STORE_CODEC_H
#define STORE_CODEC_H

#include "store/err.h"
#include "store/mem.h"

#include <stddef.h>
#include <stdint.h>

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

/* By the first bytes (at least 6 of them, less only where the stream is shorter), as docker does;
 * what is not known as compressed is a plain archive, except bzip2 and xz: -EOPNOTSUPP. */
int compression_detect(const void *data, size_t len, enum compression *out, struct err *err);

#define CODEC_WINDOW 32768 /* deflate's window */

struct seek_point {
	uint64_t out; /* offset in the plain bytes */
	uint64_t
	    in; /* offset in the compressed bytes; gzip: of the byte that holds the first bit */
	uint8_t bit;	 /* gzip: bits of that byte that belong to what came before, 0..7 */
	uint32_t window; /* bytes of plain data before `out` that decoding needs: 0..CODEC_WINDOW */
};

struct codec_sink {
	void *arg;
	int (*data)(void *arg, const void *data, size_t len, struct err *err);
	/* `window` has p->window bytes and holds during the call. The first point is at out 0. */
	int (*point)(void *arg, const struct seek_point *p, const void *window, struct err *err);
};

struct codec;
int codec_open(enum compression c, const struct codec_sink *sink, struct codec **out,
	       struct err *err);
int codec_feed(struct codec *c, const void *data, size_t len, struct err *err);
int codec_finish(struct codec *c, struct err *err); /* -EBADMSG: truncated */
void codec_close(struct codec *c);
DEFINE_AUTO(struct codec, codec_close)

#endif
