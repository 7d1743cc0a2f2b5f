/* SPDX-License-Identifier: MIT */
/*
 * Compression of layers: none, gzip (RFC 1952, several members too) and zstd (RFC 8878). A codec
 * takes a compressed stream in pieces, gives the plain bytes, and notes seek points: places from
 * which decoding can start again later (random reads decode one span, not the archive from its
 * start).
 */
#ifndef STORE_CODEC_H
#define STORE_CODEC_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers are those of layer_format.h. A switch over them has no default, so that the compiler
 * finds the places of a new one. */
enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD,
	COMPRESSION_LAST = COMPRESSION_ZSTD
};

#define COMPRESSION_HEAD 6 /* bytes by which it is known */

/* By the first bytes (at least COMPRESSION_HEAD of them, less only where the stream is shorter), as
 * docker does; what is not known as compressed is a plain archive, except bzip2 and xz: -EOPNOTSUPP. */
int compression_detect(const void *data, size_t len, enum compression *out, struct err *err);

/* True where a decoder in the middle of a span is small enough to be kept until more of the span is
 * wanted; one of zstd may hold megabytes. */
bool compression_is_small(enum compression c);

/* Plain bytes between two seek points: what a random read decodes, about. Half of it doubles the
 * windows, which are most of a layer's index. */
#define CODEC_SPACING (640u << 10)

#define CODEC_WINDOW 32768 /* deflate's window */

/* Window 0: at the start of a gzip member, or of a zstd frame. Otherwise between two blocks. */
struct seek_point {
	uint64_t out;	 /* offset in the plain bytes */
	uint64_t in;	 /* offset in the compressed bytes, of the byte that holds the first bit */
	uint32_t window; /* bytes of plain data before `out` that are needed: 0..CODEC_WINDOW */
	uint8_t bit;	 /* bits of that byte that belong to what came before, 0..7 */
};

struct codec_sink {
	void *arg;
	int (*data)(void *arg, const void *data, size_t len, struct err *err);
	/* Called when all data before the point were given. `window` has p->window bytes and holds
	 * during the call. The first point is at out 0. NULL: points are of no interest. Plain
	 * streams have none. */
	int (*point)(void *arg, const struct seek_point *p, const void *window, struct err *err);
	/* Called before so many bytes of memory are taken for a window of zstd, more than before:
	 * they are kept until the codec is closed. NULL: they may be taken. */
	int (*window)(void *arg, size_t bytes, struct err *err);
	/* Gets the compressed bytes, in order, each not before a point that lies before it. NULL:
	 * they are of no interest. */
	int (*input)(void *arg, const void *data, size_t len, struct err *err);
};

struct codec;
int codec_open(enum compression c, const struct codec_sink *sink, struct codec **out,
	       struct err *err);

/* Starts at a point instead, to be fed from p->in on, and fills `data`; what comes behind `len`
 * plain bytes is dropped. Checks no checksum of gzip: a part of a member has none. The window is
 * borrowed. */
int codec_open_at(enum compression c, const struct seek_point *p, const void *window, void *data,
		  size_t len, struct codec **out, struct err *err);
size_t codec_filled(const struct codec *c); /* bytes of data so far */

/* -EBADMSG: corrupt, or a bomb (limits in codec_ops.h); or the error of the sink. */
int codec_feed(struct codec *c, const void *data, size_t len, struct err *err);
int codec_finish(struct codec *c, struct err *err); /* -EBADMSG: truncated */

/* True where the stream may end here: between two members or frames. Plain bytes may end
 * anywhere. */
bool codec_may_end(const struct codec *c);

void codec_close(struct codec *c);
DEFINE_AUTO(struct codec, codec_close)

#endif
